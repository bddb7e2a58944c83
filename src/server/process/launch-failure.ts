import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { posix, win32 } from 'node:path';
import { type ExecServerError, type LaunchStage, launchFailed } from '../../protocol/errors.ts';
import type { Env } from '../../shared-config/index.ts';

type Attempt = {
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Env;
  readonly platform: NodeJS.Platform;
};

/**
 * Finds out why a child could not be started. The error of `spawn` doesn't tell: a missing directory, a
 * missing program and a missing interpreter are all ENOENT.
 */
export const explainLaunchFailure = async (
  cause: NodeJS.ErrnoException,
  attempt: Attempt,
): Promise<ExecServerError> => {
  const errno = cause.code ?? 'UNKNOWN';
  return (
    (await directoryProblem(attempt, cause)) ??
    (await programProblem(attempt, errno, cause)) ??
    fail(cause, 'spawn', errno, attempt.argv[0], `cannot start ${attempt.argv[0]}: ${errno}`)
  );
};

const directoryProblem = async ({ cwd }: Attempt, cause: Error): Promise<ExecServerError | undefined> => {
  try {
    if (!(await stat(cwd)).isDirectory())
      return fail(cause, 'cwd', 'ENOTDIR', cwd, `cwd is not a directory: ${cwd}`);
    await access(cwd, constants.X_OK);
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

const programProblem = async (
  attempt: Attempt,
  errno: string,
  cause: Error,
): Promise<ExecServerError | undefined> => {
  if (errno !== 'ENOENT' && errno !== 'EACCES' && errno !== 'ENOTDIR') return undefined;
  const [program] = attempt.argv;
  const searchedPath = searchPath(attempt);
  const found = await firstExisting(candidates(attempt, searchedPath));
  if (found === undefined) {
    const where =
      searchedPath === undefined ? '' : ` (searched ${searchedPath.join(':') || 'an empty PATH'})`;
    return fail(cause, 'resolve', 'ENOENT', program, `program not found: ${program}${where}`, searchedPath);
  }
  return errno === 'EACCES'
    ? fail(cause, 'permission', errno, found, `${found} is not executable`, searchedPath)
    : fail(
        cause,
        'spawn',
        errno,
        found,
        `${found} exists, but what it needs to run (its interpreter) does not`,
        searchedPath,
      );
};

/** The directories a bare program name is looked up in; `undefined` for a name with a path. */
const searchPath = ({ argv: [program], env, platform }: Attempt): readonly string[] | undefined => {
  if (platform === 'win32' ? /[\\/]/.test(program) : program.includes('/')) return undefined;
  if (platform === 'win32') return environmentValue(env, 'PATH')?.split(';') ?? [];
  return (env.PATH ?? SYSTEM_PATH).split(':');
};

// Where the C library looks when PATH isn't set: confstr(_CS_PATH) of glibc.
const SYSTEM_PATH = '/bin:/usr/bin';

const environmentValue = (env: Env, name: string): string | undefined =>
  Object.entries(env).find(([key]) => key.toUpperCase() === name)?.[1];

const candidates = (
  { argv: [program], cwd, platform }: Attempt,
  searched: readonly string[] | undefined,
): string[] => {
  const { resolve } = platform === 'win32' ? win32 : posix;
  return searched === undefined
    ? [resolve(cwd, program)]
    : searched.map(directory => resolve(cwd, directory, program));
};

const firstExisting = async (paths: readonly string[]): Promise<string | undefined> => {
  for (const path of paths) {
    if (await exists(path)) return path;
  }
  return undefined;
};

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

const fail = (
  cause: Error,
  stage: LaunchStage,
  errno: string,
  path: string,
  message: string,
  searchedPath?: readonly string[],
): ExecServerError =>
  launchFailed(message, { stage, errno, path, ...(searchedPath && { searchedPath }) }, { cause });
