import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Env } from '../../../shared-config/index.ts';
import { exactEnv } from '../../../system/exact-env.ts';

/** Arguments for starting a shell. */
export type ShellStart = {
  readonly program: string;
  /** A leading dash makes it a login shell. */
  readonly argv0: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Env;
  /** Descriptors of this process that it gets as 3, 4 and so on. */
  readonly descriptors?: readonly number[];
};

/** A running shell, leader of its session. */
export type StartedShell = ChildProcess & { readonly pid: number; readonly stdout: Readable };

/**
 * Starts a shell, with a command on stdin if there is one. Its stderr is discarded.
 *
 * @returns the shell, or a promise of the errno if it could not be started
 */
export const spawnShell = (
  { program, argv0, args, cwd, env, descriptors = [] }: ShellStart,
  command: string | undefined,
  tempDir: string,
): StartedShell | { readonly failed: Promise<string> } => {
  const stdin = command === undefined ? undefined : openCommand(command, tempDir);
  try {
    const child = spawn(program, args, {
      argv0,
      cwd,
      env: exactEnv(env),
      detached: true,
      stdio: [stdin ?? 'ignore', 'pipe', 'ignore', ...descriptors],
    });
    if (child.pid === undefined) return { failed: once(child, 'error').then(([error]) => errnoOf(error)) };
    child.stdout?.on('error', () => {});
    return child as StartedShell;
  } catch (error) {
    return { failed: Promise.resolve(errnoOf(error)) };
  } finally {
    if (stdin !== undefined) closeSync(stdin);
  }
};

const errnoOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'UNKNOWN';

/**
 * Opens a file with the command, and unlinks it. Not a pipe of Node, which is a socket: fish 3 treats a socket as a
 * directory. If no file can be created, stdin is the null device, and only a shell that a start-up file replaces by
 * another one does not answer.
 */
const openCommand = (command: string, tempDir: string): number | undefined => {
  const path = join(tempDir, `exec-server-${crypto.randomUUID()}`);
  let fd: number | undefined;
  try {
    fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    // With an explicit position, so that the offset of the descriptor stays at the beginning.
    writeSync(fd, `${command}\n`, 0);
    return fd;
  } catch {
    if (fd !== undefined) closeSync(fd);
    return undefined;
  }
};
