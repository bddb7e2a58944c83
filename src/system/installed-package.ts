import { lstatSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundlePath } from './bundle.ts';

/** Name of this package in its package.json. */
const OWN_NAME = 'exec-server';

/** Directories of the package that contain its code: as built, and as written. */
const CODE_DIRECTORIES = ['dist', 'src'];

const thisFile = (): string => bundlePath() ?? fileURLToPath(import.meta.url);

/**
 * Root directory of this package: the directory above `dist/` or `src/` that has its package.json.
 *
 * @param file a file of the package's code; default: the running one
 * @returns `undefined` if the file is a copy outside of its package, or if another user can add to the
 * directory: it could be given packages that the installation did not put there
 */
export const ownPackageRoot = (file = thisFile()): string | undefined => {
  const end = Math.max(...CODE_DIRECTORIES.map(name => file.lastIndexOf(`${sep}${name}${sep}`)));
  if (end < 1) return undefined;
  const root = file.slice(0, end);
  try {
    if (!isTrusted(root, statSync(file))) return undefined;
    const { name } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    return name === OWN_NAME ? root : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Directory of the running code, if other users can add files to it: files next to the code could be theirs.
 *
 * @param file a file of the code; default: the running one
 */
export const sharedCodeDirectory = (file = thisFile()): string | undefined => {
  const directory = dirname(file);
  try {
    return isTrusted(directory, statSync(file)) ? undefined : directory;
  } catch {
    return directory;
  }
};

/**
 * Directory of a package that was installed as a dependency of the one in `root`: in its own `node_modules`, or
 * in the `node_modules` directories that contain it. Nothing else is searched, neither other parent directories nor
 * NODE_PATH nor the user's home: any user who can write there could have put the code there.
 *
 * @param root real path of a package's root directory, as this function and `ownPackageRoot` return it
 * @returns its real path; `undefined` if it is not installed
 */
export const dependencyDirectory = (root: string, name: string): string | undefined => {
  for (const modules of [join(root, 'node_modules'), ...enclosingModules(root)]) {
    try {
      const found = realpathSync.native(join(modules, name));
      return isTrusted(modules, statSync(root)) ? found : undefined;
    } catch {
      // Not there; packages are hoisted to the next one.
    }
  }
  return undefined;
};

/** The `node_modules` directories of an installation that a package is in, innermost first. */
const enclosingModules = (root: string): readonly string[] => {
  const parent = dirname(root);
  const modules = basename(parent).startsWith('@') ? dirname(parent) : parent;
  return basename(modules) === 'node_modules' ? [modules, ...enclosingModules(dirname(modules))] : [];
};

/** Returns whether only root, this user and the owner of `code`, which runs already, can add to a directory. */
const isTrusted = (directory: string, code: Stats): boolean => {
  if (process.getuid === undefined) return true;
  const { uid, mode } = lstatSync(directory);
  return [0, process.getuid(), code.uid].includes(uid) && (mode & 0o002) === 0;
};
