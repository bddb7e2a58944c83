import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { exactEnv } from '../../../system/exact-env.ts';
import type { LoginStart } from './login-start.ts';

/** A shell that runs, as the leader of a session. */
export type StartedShell = ChildProcess & { readonly pid: number; readonly stdout: Readable };

/**
 * Starts a shell, with a command to read on stdin; what it says on stderr is nobody's business.
 *
 * @returns the shell, or what will tell why it could not be started
 */
export const spawnShell = (
  { program, argv0, args, cwd, env }: LoginStart,
  command: string,
  tempDir: string,
): StartedShell | { readonly failed: Promise<string> } => {
  const stdin = openCommand(command, tempDir);
  try {
    const child = spawn(program, args, {
      argv0,
      cwd,
      env: exactEnv(env),
      detached: true,
      stdio: [stdin ?? 'ignore', 'pipe', 'ignore'],
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
 * The command as an open file that has no name any more. Not a pipe of Node's, which is a socket: fish 3 takes
 * that for a directory. Where no file can be made stdin is the null device, and only a shell that is replaced
 * by another one gives no answer.
 */
const openCommand = (command: string, tempDir: string): number | undefined => {
  const path = join(tempDir, `exec-server-${crypto.randomUUID()}`);
  let fd: number | undefined;
  try {
    fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    // At a position, so that the file's own stays at the beginning.
    writeSync(fd, `${command}\n`, 0);
    return fd;
  } catch {
    if (fd !== undefined) closeSync(fd);
    return undefined;
  }
};
