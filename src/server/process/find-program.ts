import { accessSync, constants, statSync } from 'node:fs';
import { posix, win32 } from 'node:path';
import type { Env } from '../../shared-config/index.ts';

/** What decides which file a program name means: the child's directory and environment, not ours. */
export type ProgramSearch = {
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Env;
  readonly platform: NodeJS.Platform;
};

export type FoundProgram = {
  /** The first file of that name that may be executed. Windows tells by extension, so there it is unknown. */
  readonly executable: string | undefined;
  /** The first thing of that name, executable or not. */
  readonly existing: string | undefined;
  /** The directories a bare name was looked up in; `undefined` for a name with a path. */
  readonly searchedPath: readonly string[] | undefined;
};

/** Looks a program up the way `execvp` does in the child. */
export const findProgram = (search: ProgramSearch): FoundProgram => {
  const searchedPath = searchPath(search);
  const existing = candidates(search, searchedPath).filter(exists);
  return {
    executable: search.platform === 'win32' ? undefined : existing.find(isExecutable),
    existing: existing[0],
    searchedPath,
  };
};

const searchPath = ({ argv: [program], env, platform }: ProgramSearch): readonly string[] | undefined => {
  if (platform === 'win32' ? /[\\/]/.test(program) : program.includes('/')) return undefined;
  if (platform === 'win32') return environmentValue(env, 'PATH')?.split(';') ?? [];
  return (env.PATH ?? SYSTEM_PATH).split(':');
};

// Where the C library looks when PATH isn't set: confstr(_CS_PATH) of glibc.
const SYSTEM_PATH = '/bin:/usr/bin';

const environmentValue = (env: Env, name: string): string | undefined =>
  Object.entries(env).find(([key]) => key.toUpperCase() === name)?.[1];

const candidates = (
  { argv: [program], cwd, platform }: ProgramSearch,
  searched: readonly string[] | undefined,
): string[] => {
  const { resolve } = platform === 'win32' ? win32 : posix;
  return searched === undefined
    ? [resolve(cwd, program)]
    : searched.map(directory => resolve(cwd, directory, program));
};

const exists = (path: string): boolean => {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
};

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    // A directory that may be entered passes the check above.
    return statSync(path).isFile();
  } catch {
    return false;
  }
};
