import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { RemoteProcess } from '../core/index.ts';
import { systemProgram } from '../system/system-program.ts';

/** Size of a terminal if this program has none. */
const DEFAULT_SIZE = { columns: 80, rows: 24 };

/** Size of the terminal of this program. */
export const terminalSize = (): { columns: number; rows: number } => {
  const screen = [process.stdout, process.stderr].find(output => output.isTTY);
  return { columns: screen?.columns || DEFAULT_SIZE.columns, rows: screen?.rows || DEFAULT_SIZE.rows };
};

/**
 * Attaches the terminal of this program to a remote process: switches it to raw mode and forwards its size. Has no
 * effect without a terminal.
 *
 * @returns restores the terminal, which also happens when this program exits
 */
export const attachTerminal = (child: RemoteProcess): (() => void) => {
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

/** Time for a program to read a size of its terminal before it changes again, in milliseconds. */
const RESIZE_MS = 100;

/**
 * Lets the program on the terminal of a process draw its screen again. Programs do so for another size, and are not notified
 * of the same one: the terminal has another one for a moment.
 */
export const redraw = async (child: Pick<RemoteProcess, 'resize'>): Promise<void> => {
  const { columns, rows } = terminalSize();
  await child.resize({ columns, rows: rows > 1 ? rows - 1 : rows + 1 });
  await delay(RESIZE_MS);
  await child.resize(terminalSize());
};

// Raw mode of Node still translates a line feed to a carriage return and a line feed (opost). The remote terminal has
// done that already, if its program wants it.
const makeRaw = (): void => {
  process.stdin.setRawMode(true);
  spawnSync(systemProgram('stty'), ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
};
