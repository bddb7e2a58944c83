import { killHolders } from '../platform/holders.ts';
import { type KeptTerminal, keepTerminal } from '../platform/terminal-name.ts';
import type { ChildGroup } from './child-group.ts';
import { stopGroup } from './stop-group.ts';

/**
 * Ends a process with all that belongs to it: its group by SIGTERM and, after `graceMs`, SIGKILL; then
 * whoever has left the group and still holds one of its streams.
 *
 * @param heldLinks asked when the group is gone: the streams that haven't ended, as far as they are our own
 */
export const stopProcess = async (
  group: ChildGroup,
  graceMs: number,
  heldLinks: () => readonly string[],
): Promise<void> => {
  await stopGroup(group, graceMs);
  // The ends of streams arrive with the next turns of the event loop, as do the ends of those who held them.
  await new Promise(resolve => setTimeout(resolve, LAST_READ_MS));
  const links = heldLinks();
  // During the look a terminal may be closed, and its number be given to a stranger.
  const terminals = links.map(keepIfTerminal);
  if (links.length > 0) await killHolders(new Set(links));
  for (const terminal of terminals) terminal?.release();
};

const keepIfTerminal = (link: string): KeptTerminal | undefined =>
  /^\/dev\/(pts\/|tty)/.test(link) ? keepTerminal(link) : undefined;

const LAST_READ_MS = 20;
