import { accessSync, constants, statSync } from 'node:fs';
import { posix, win32 } from 'node:path';
import { limitExceeded } from '../../../protocol/errors.ts';
import type { Env } from '../../../shared-config/index.ts';
import { MAX_PATH_DIRECTORIES } from '../limits.ts';

/** What decides which file a program name means: the child's directory and environment, not ours. */
export type ProgramSearch = {
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Env;
  readonly platform: NodeJS.Platform;
};

export type FoundProgram = {
  /** The first file of that name that may be executed; Windows tells that by its extension. */
  readonly executable: string | undefined;
  /** The first thing of that name, executable or not. */
  readonly existing: string | undefined;
  /** The directories a bare name was looked up in; `undefined` for a name with a path. */
  readonly searchedPath: readonly string[] | undefined;
};

/** How to look at files. */
export type FileLook = {
  exists(path: string): boolean;
  isFile(path: string): boolean;
  mayExecute(path: string): boolean;
};

/**
 * Looks a program up the way `execvp` does in the child, or on Windows as its command interpreter does: with
 * the PATH and the PATHEXT of the child.
 */
export const findProgram = (search: ProgramSearch, files: FileLook = realFiles): FoundProgram => {
  const searchedPath = searchPath(search);
  const existing = candidates(search, searchedPath).filter(files.exists);
  return {
    // A directory that may be entered counts as executable elsewhere.
    executable: existing.find(path => files.isFile(path) && isExecutable(path, search, files)),
    existing: existing[0],
    searchedPath,
  };
};

/**
 * Refuses a search that would take long, here or in the child, whose start is waited for.
 *
 * @throws {ExecServerError} `limitExceeded`
 */
export const refuseLongSearch = (search: ProgramSearch): void => {
  const count = searchPath(search)?.length ?? 0;
  if (count > MAX_PATH_DIRECTORIES) throw limitExceeded('pathDirectories', count, MAX_PATH_DIRECTORIES);
};

/**
 * True where the C library of Linux tries no file at all, since it skips directories of 4,096 bytes and more. It then
 * sets no error, so that Node takes the child for one that runs, and never reports its end.
 */
export const searchesNowhere = (search: ProgramSearch): boolean =>
  search.platform === 'linux' &&
  (searchPath(search)?.every(directory => Buffer.byteLength(directory) >= PATH_MAX) ?? false);

const PATH_MAX = 4096;

const searchPath = ({ argv: [program], env, platform }: ProgramSearch): readonly string[] | undefined => {
  if (platform === 'win32' ? /[\\/]/.test(program) : program.includes('/')) return undefined;
  if (platform === 'win32') return environmentValue(env, 'PATH')?.split(';') ?? [];
  return (env.PATH ?? SYSTEM_PATH).split(':');
};

// Where the C library looks when PATH isn't set: confstr(_CS_PATH) of glibc.
const SYSTEM_PATH = '/bin:/usr/bin';

const environmentValue = (env: Env, name: string): string | undefined =>
  Object.entries(env).find(([key]) => key.toUpperCase() === name)?.[1];

const candidates = (search: ProgramSearch, searched: readonly string[] | undefined): string[] => {
  const { cwd, platform } = search;
  if (platform !== 'win32') return inDirectories(posix, cwd, searched ?? [''], [search.argv[0]]);
  // The directory of the child comes before its PATH.
  return inDirectories(win32, cwd, ['', ...(searched ?? [])], windowsNames(search));
};

const inDirectories = (
  { resolve }: typeof posix,
  cwd: string,
  directories: readonly string[],
  names: readonly string[],
): string[] => directories.flatMap(directory => names.map(name => resolve(cwd, directory, name)));

/** A name with each extension; without one only if it has a dot, or last, as a script that names its interpreter. */
const windowsNames = ({ argv: [program], env }: ProgramSearch): string[] => {
  const extended = extensions(env).map(extension => `${program}${extension}`);
  return program.includes('.') ? [program, ...extended] : [...extended, program];
};

const extensions = (env: Env): string[] =>
  (environmentValue(env, 'PATHEXT') || DEFAULT_EXTENSIONS).split(';').filter(extension => extension !== '');

// What the command interpreter takes when PATHEXT isn't set.
const DEFAULT_EXTENSIONS = '.COM;.EXE;.BAT;.CMD';

const isExecutable = (path: string, { env, platform }: ProgramSearch, files: FileLook): boolean => {
  if (platform !== 'win32') return files.mayExecute(path);
  const lower = path.toLowerCase();
  return extensions(env).some(extension => lower.endsWith(extension.toLowerCase()));
};

const realFiles: FileLook = {
  exists: path => statOf(path) !== undefined,
  isFile: path => statOf(path)?.isFile() === true,
  mayExecute: path => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  },
};

const statOf = (path: string) => {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
};
