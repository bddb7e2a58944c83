import { accessSync, constants, statSync } from 'node:fs';
import { posix, win32 } from 'node:path';

/** Environment variables by name. */
type Env = Readonly<Record<string, string>>;

/** The search for the file of a program, with the child's directory and environment. */
export type ProgramSearch = {
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Env;
  readonly platform: NodeJS.Platform;
};

export type FoundProgram = {
  /** The first executable file of that name; on Windows the extension decides. */
  readonly executable: string | undefined;
  /** The first file or directory of that name, executable or not. */
  readonly existing: string | undefined;
  /** The directories in which a bare name was searched; `undefined` for a name with a path. */
  readonly searchedPath: readonly string[] | undefined;
};

/** Checks of files. */
export type FileChecks = {
  exists(path: string): boolean;
  isFile(path: string): boolean;
  isExecutable(path: string): boolean;
};

/** Searches a program as `execvp` does in the child, or as the command interpreter of Windows does. */
export const findProgram = (search: ProgramSearch, files: FileChecks = realFiles): FoundProgram => {
  const searchedPath = searchPath(search);
  const existing = candidates(search, searchedPath).filter(files.exists);
  return {
    // A directory may have execute permission, too.
    executable: existing.find(path => files.isFile(path) && isExecutable(path, search, files)),
    existing: existing[0],
    searchedPath,
  };
};

/**
 * True if the C library of Linux tries no file, because it skips directories of 4,096 bytes and more. It sets no error
 * then, so that Node considers the child running and never reports its exit.
 */
export const skipsAllDirectories = (search: ProgramSearch): boolean =>
  search.platform === 'linux' &&
  (searchPath(search)?.every(directory => Buffer.byteLength(directory) >= PATH_MAX) ?? false);

const PATH_MAX = 4096;

/** Directories in which a bare name is searched; `undefined` for a name with a path. */
export const searchPath = ({
  argv: [program],
  env,
  platform,
}: ProgramSearch): readonly string[] | undefined => {
  if (platform === 'win32' ? /[\\/]/.test(program) : program.includes('/')) return undefined;
  if (platform === 'win32') return environmentValue(env, 'PATH')?.split(';') ?? [];
  return (env.PATH ?? SYSTEM_PATH).split(':');
};

// The default of the C library if PATH is not set: confstr(_CS_PATH) of glibc.
const SYSTEM_PATH = '/bin:/usr/bin';

const environmentValue = (env: Env, name: string): string | undefined =>
  Object.entries(env).find(([key]) => key.toUpperCase() === name)?.[1];

const candidates = (search: ProgramSearch, searched: readonly string[] | undefined): string[] => {
  const { cwd, platform } = search;
  if (platform !== 'win32') return inDirectories(posix, cwd, searched ?? [''], [search.argv[0]]);
  // Windows searches the directory of the child before its PATH.
  return inDirectories(win32, cwd, ['', ...(searched ?? [])], windowsNames(search));
};

const inDirectories = (
  { resolve }: typeof posix,
  cwd: string,
  directories: readonly string[],
  names: readonly string[],
): string[] =>
  directories.flatMap(directory =>
    // A slash at the end, which `resolve` drops, names no file.
    names.map(
      name => `${resolve(cwd, directory, name)}${name.endsWith('/') && !/^\/+$/.test(name) ? '/' : ''}`,
    ),
  );

/** The name with each extension of PATHEXT; as it is first if it has a dot, otherwise last, for a script with `#!`. */
const windowsNames = ({ argv: [program], env }: ProgramSearch): string[] => {
  const extended = extensions(env).map(extension => `${program}${extension}`);
  return program.includes('.') ? [program, ...extended] : [...extended, program];
};

const extensions = (env: Env): string[] =>
  (environmentValue(env, 'PATHEXT') || DEFAULT_EXTENSIONS).split(';').filter(extension => extension !== '');

// The default of the command interpreter if PATHEXT is not set.
const DEFAULT_EXTENSIONS = '.COM;.EXE;.BAT;.CMD';

const isExecutable = (path: string, { env, platform }: ProgramSearch, files: FileChecks): boolean => {
  if (platform !== 'win32') return files.isExecutable(path);
  const lower = path.toLowerCase();
  return extensions(env).some(extension => lower.endsWith(extension.toLowerCase()));
};

const realFiles: FileChecks = {
  exists: path => statOf(path) !== undefined,
  isFile: path => statOf(path)?.isFile() === true,
  isExecutable: path => {
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
