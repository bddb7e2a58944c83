import { closeSync, constants, openSync } from 'node:fs';

/** A terminal whose name is nobody else's until it is released. */
export type KeptTerminal = { readonly path: string; release(): void };

/**
 * Keeps the name of a terminal; to be called while our side of it is open. Once that is closed, the next
 * terminal of the machine gets the number as soon as nobody holds the old one, and whoever is looked for by that
 * name from then on is a stranger.
 *
 * @returns `undefined` where it can't be kept
 */
export const keepTerminal = (path: string): KeptTerminal | undefined => {
  try {
    const fd = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
    return { path, release: () => closeSync(fd) };
  } catch {
    return undefined;
  }
};
