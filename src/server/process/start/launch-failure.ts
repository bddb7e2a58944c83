import { accessSync, closeSync, constants, existsSync, openSync, readSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { type ExecServerError, type LaunchStage, launchFailed } from '../../../protocol/errors.ts';
import { programNotFound } from '../../../protocol/program-not-found.ts';
import type { PathOrigin } from '../../../shared-config/index.ts';
import { findProgram, type ProgramSearch } from './find-program.ts';

/** A start, as far as it decides what can go wrong. */
export type LaunchAttempt = ProgramSearch & {
  /** How the child comes by its `PATH`, for who can't find a program there. */
  readonly pathFrom?: PathOrigin | undefined;
};

/**
 * Finds out why a child could not be started. The error of `spawn` doesn't tell: a missing directory, a
 * missing program and a missing interpreter are all ENOENT.
 */
export const explainLaunchFailure = (
  cause: NodeJS.ErrnoException,
  attempt: LaunchAttempt,
): ExecServerError => {
  const errno = cause.code ?? 'UNKNOWN';
  return (
    directoryProblem(attempt, cause) ??
    programProblem(attempt, errno, cause) ??
    fail(cause, 'spawn', errno, attempt.argv[0], `cannot start ${attempt.argv[0]}: ${meaningOf(errno)}`)
  );
};

/** An error of starting as such: what a caller can do about it isn't in its name. */
const meaningOf = (errno: string): string =>
  errno === 'EAGAIN'
    ? 'EAGAIN: as many processes and threads run as this user (ulimit -u) or control group (pids.max) may have'
    : errno;

/**
 * Finds what would keep a child from starting, for a way to start that can't tell afterwards. What changes
 * between this look and the start goes unnoticed.
 */
export const foreseeLaunchFailure = (attempt: LaunchAttempt): ExecServerError | undefined => {
  const problem = directoryProblem(attempt, undefined);
  // Which file Windows would take depends on extensions that only it knows.
  if (problem !== undefined || attempt.platform === 'win32') return problem;
  const { executable } = findProgram(attempt);
  if (executable === undefined) {
    return programProblem(attempt, 'EACCES', undefined);
  }
  return lacksInterpreter(executable, attempt.cwd) ? programProblem(attempt, 'ENOENT', undefined) : undefined;
};

const directoryProblem = ({ cwd }: ProgramSearch, cause: Error | undefined): ExecServerError | undefined => {
  try {
    if (!statSync(cwd).isDirectory())
      return fail(cause, 'cwd', 'ENOTDIR', cwd, `cwd is not a directory: ${cwd}`);
    accessSync(cwd, constants.X_OK);
    return undefined;
  } catch (error) {
    const { code = 'UNKNOWN' } = error as NodeJS.ErrnoException;
    return fail(
      cause,
      'cwd',
      code,
      cwd,
      `cwd ${code === 'ENOENT' ? 'does not exist' : `can't be entered (${code})`}: ${cwd}`,
    );
  }
};

const programProblem = (
  attempt: LaunchAttempt,
  errno: string,
  cause: Error | undefined,
): ExecServerError | undefined => {
  if (errno !== 'ENOENT' && errno !== 'EACCES' && errno !== 'ENOTDIR') return undefined;
  const { existing, searchedPath } = findProgram(attempt);
  if (existing === undefined) return notFound(attempt, searchedPath, cause);
  return errno === 'EACCES'
    ? fail(cause, 'permission', errno, existing, `${existing} is not executable`, searchedPath)
    : fail(
        cause,
        'spawn',
        errno,
        existing,
        `${existing} exists, but what it needs to run (its interpreter) does not`,
        searchedPath,
      );
};

const notFound = (
  { argv: [program], pathFrom, platform }: LaunchAttempt,
  searchedPath: readonly string[] | undefined,
  cause: Error | undefined,
): ExecServerError => {
  const separator = platform === 'win32' ? ';' : ':';
  const message = programNotFound({ program, searchedPath, pathFrom, separator });
  const origin = searchedPath === undefined ? undefined : pathFrom;
  return fail(cause, 'resolve', 'ENOENT', program, message, searchedPath, origin);
};

/** Whether a file is a script whose `#!` names a file that doesn't exist. */
const lacksInterpreter = (path: string, cwd: string): boolean => {
  const [, interpreter] = /^#![ \t]*([^ \t\n\0]+)/.exec(firstBytes(path)) ?? [];
  return interpreter !== undefined && !existsSync(posix.resolve(cwd, interpreter));
};

const firstBytes = (path: string): string => {
  // As much as the kernel looks at.
  const bytes = Buffer.alloc(256);
  try {
    const fd = openSync(path, 'r');
    try {
      return bytes.toString('utf8', 0, readSync(fd, bytes));
    } finally {
      closeSync(fd);
    }
  } catch {
    // A file may be executable without being readable.
    return '';
  }
};

const fail = (
  cause: Error | undefined,
  stage: LaunchStage,
  errno: string,
  path: string,
  message: string,
  searchedPath?: readonly string[],
  pathFrom?: PathOrigin,
): ExecServerError =>
  launchFailed(
    message,
    { stage, errno, path, ...(searchedPath && { searchedPath }), ...(pathFrom && { pathFrom }) },
    cause === undefined ? undefined : { cause },
  );
