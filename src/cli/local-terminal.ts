import { spawnSync } from 'node:child_process';
import type { RemoteProcess } from '../core/index.ts';
import { systemProgram } from '../system/system-program.ts';

/** A terminal's size when nobody can be asked for one: that of the first video terminals. */
const DEFAULT_SIZE = { columns: 80, rows: 24 };

/** The size of the terminal that we are on. */
export const terminalSize = (): { columns: number; rows: number } => {
  const screen = [process.stdout, process.stderr].find(output => output.isTTY);
  return { columns: screen?.columns || DEFAULT_SIZE.columns, rows: screen?.rows || DEFAULT_SIZE.rows };
};

/**
 * Makes our terminal the terminal of a command elsewhere: each key goes there as it is typed, and the size
 * follows. Without a terminal of ours nothing happens.
 *
 * @returns puts our terminal back as it was; also done when the program ends in another way
 */
export const lendTerminal = (child: RemoteProcess): (() => void) => {
  const resize = () => void child.resize(terminalSize()).catch(() => {});
  const restore = () => {
    process.off('exit', restore);
    process.stdout.off('resize', resize);
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
  };
  if (process.stdin.isTTY) makeRaw();
  process.stdout.on('resize', resize);
  process.on('exit', restore);
  return restore;
};

// Node's raw mode still turns each line feed into a carriage return and a line feed, which the other
// terminal has done already, or has been told by its program not to do.
const makeRaw = (): void => {
  process.stdin.setRawMode(true);
  spawnSync(systemProgram('stty'), ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
};
