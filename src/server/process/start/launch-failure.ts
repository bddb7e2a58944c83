import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import type { LaunchStage } from '../../../protocol/error-data.ts';
import { type ExecServerError, launchFailed } from '../../../protocol/errors.ts';
import { programNotFound } from '../../../protocol/program-not-found.ts';
import type { PathOrigin } from '../../../shared-config/index.ts';
import { findProgram, type ProgramSearch } from '../../../system/find-program.ts';
import { describeTooLong } from './too-long.ts';

/** The part of a start that decides whether it can fail. */
export type LaunchAttempt = ProgramSearch & {
  /** Origin of the child's `PATH`, for the error if a program is not found. */
  readonly pathFrom?: PathOrigin | undefined;
};

/**
 * Finds the reason why a child could not be started: `spawn` reports ENOENT for a missing directory, a missing program
 * and a missing interpreter alike.
 */
export const explainLaunchFailure = (
  cause: NodeJS.ErrnoException,
  attempt: LaunchAttempt,
): ExecServerError => {
  const errno = cause.code ?? 'UNKNOWN';
  return (
    directoryProblem(attempt, cause) ??
    programProblem(attempt, errno, cause) ??
    fail(
      cause,
      'spawn',
      errno,
      attempt.argv[0],
      `cannot start ${attempt.argv[0]}: ${meaningOf(errno, attempt)}`,
    )
  );
};

/** Explains an error that does not concern the directory or the program. */
const meaningOf = (errno: string, attempt: LaunchAttempt): string => {
  const meaning = errno === 'E2BIG' ? describeTooLong(attempt) : MEANINGS[errno];
  return meaning === undefined ? errno : `${errno}: ${meaning}`;
};

const MEANINGS: Readonly<Record<string, string>> = {
  EAGAIN:
    'the limit of processes and threads of this user (ulimit -u) or control group (pids.max) is reached',
  ETXTBSY: 'another process has the file open for writing',
};

/**
 * Finds the reason why a start would fail, for starts that do not report it. A change between this check and the start
 * is not noticed.
 */
export const foreseeLaunchFailure = (attempt: LaunchAttempt): ExecServerError | undefined => {
  const problem = directoryProblem(attempt, undefined);
  // The file that Windows would start depends on its own list of extensions.
  if (problem !== undefined || attempt.platform === 'win32') return problem;
  const { executable } = findProgram(attempt);
  if (executable === undefined) {
    return programProblem(attempt, 'EACCES', undefined);
  }
  const { errno } = interpreterOf(executable, attempt.cwd) ?? {};
  return errno === undefined ? undefined : programProblem(attempt, errno, undefined);
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
      `cwd ${code === 'ENOENT' ? 'does not exist' : `cannot be entered (${code})`}: ${cwd}`,
    );
  }
};

const programProblem = (
  attempt: LaunchAttempt,
  errno: string,
  cause: Error | undefined,
): ExecServerError | undefined => {
  if (errno !== 'ENOENT' && errno !== 'EACCES' && errno !== 'ENOTDIR') return undefined;
  const { executable, existing, searchedPath } = findProgram(attempt);
  if (existing === undefined) return notFound(attempt, searchedPath, cause);
  const path = executable ?? existing;
  const stage = errno === 'EACCES' ? 'permission' : 'spawn';
  const problem = errno === 'EACCES' ? 'is not executable' : 'does not exist';
  // Without `#!` it is a program whose loader is missing, or on a file system that executes nothing.
  const { interpreter } = (executable && interpreterOf(executable, attempt.cwd)) || {};
  const message =
    interpreter === undefined && errno === 'EACCES'
      ? `${path} ${problem}`
      : `${path} exists, but its interpreter ${interpreter === undefined ? '' : `${interpreter} `}${problem}`;
  return fail(cause, stage, errno, path, message, searchedPath);
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

/** The file that `#!` of a script names, and the error of running it, if it has one; `undefined` for another file. */
const interpreterOf = (path: string, cwd: string): { interpreter: string; errno?: string } | undefined => {
  const [, interpreter] = /^#![ \t]*([^ \t\n\0]+)/.exec(firstBytes(path)) ?? [];
  if (interpreter === undefined) return undefined;
  const { existing, executable } = findProgram({
    argv: [interpreter.includes('/') ? interpreter : `./${interpreter}`],
    cwd,
    env: {},
    platform: 'linux',
  });
  if (executable !== undefined) return { interpreter };
  return { interpreter, errno: existing === undefined ? 'ENOENT' : 'EACCES' };
};

const firstBytes = (path: string): string => {
  // The kernel reads no more of a file.
  const bytes = Buffer.alloc(256);
  try {
    const fd = openSync(path, 'r');
    try {
      return bytes.toString('utf8', 0, readSync(fd, bytes));
    } finally {
      closeSync(fd);
    }
  } catch {
    // An executable file need not be readable.
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
