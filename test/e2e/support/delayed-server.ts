import { fixturePath, programPath } from './program.ts';

/** The command line of a server behind a link that delays the bytes in each direction. */
export const delayedServer = (delayMs: number): string =>
  [
    process.execPath,
    fixturePath('delaying-relay.js'),
    delayMs,
    process.execPath,
    programPath,
    '--stdio',
  ].join(' ');
