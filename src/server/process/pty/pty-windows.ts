import { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { IPty } from '@lydell/node-pty';
import { launchFailed } from '../../../protocol/errors.ts';
import { ChildExit } from '../child-exit.ts';
import { loadPtyPackage } from './pty-binding.ts';
import type { PtyChild, PtyPlan } from './pty-child.ts';

/** Starts a child on a ConPTY; the directory has been checked. */
export const startOnConPty = (plan: PtyPlan): PtyChild => {
  const terminal = spawn(plan);
  const exit = new ChildExit();
  // Never paused: the package drops unread output a second after the exit.
  const output = new Readable({ read: () => {} });
  // The package accepts only text, and a character may be split between two chunks.
  const characters = new StringDecoder();
  const input = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      terminal.write(characters.write(chunk));
      done();
    },
  });
  let closed = false;

  terminal.onData(text => output.push(Buffer.from(text)));
  terminal.onExit(({ exitCode }) => {
    closed = true;
    input.destroy();
    output.push(null);
    exit.settle(exitCode, 0);
  });

  return {
    pid: terminal.pid,
    input,
    output,
    terminal: '',
    isOpen: () => true,
    onExit: listener => exit.listen(listener),
    resize: ({ columns, rows }) => {
      if (!closed) resize(terminal, columns, rows);
    },
    destroy: () => {
      input.destroy();
      output.destroy();
      if (!closed) terminal.kill();
      closed = true;
    },
  };
};

const spawn = ({ argv: [program, ...args], env, cwd, size }: PtyPlan): IPty => {
  const { spawn } = loadPtyPackage();
  try {
    return spawn(program, args, { cols: size.columns, rows: size.rows, cwd, env: { ...env } });
  } catch (cause) {
    const text = String((cause as Error).message);
    if (/file not found/i.test(text)) {
      throw launchFailed(
        `program not found: ${program}`,
        { stage: 'resolve', errno: 'ENOENT', path: program },
        { cause },
      );
    }
    throw launchFailed(
      `cannot open a terminal for ${program}: ${text}`,
      { stage: 'pty', errno: 'UNKNOWN', path: program },
      { cause },
    );
  }
};

const resize = (terminal: IPty, columns: number, rows: number): void => {
  try {
    terminal.resize(columns, rows);
  } catch {
    // The child has exited; the package reports that after the output.
  }
};
