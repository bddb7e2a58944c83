import { accessSync, constants, lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path/posix';

/** A symbolic link: where it is, without links in that path, and its target. */
export type Link = readonly [path: string, target: string];

/** Where a path leads. */
export type Located = {
  /** The path without symbolic links in it; `undefined` if nothing is there. */
  readonly real: string | undefined;
  /** The links on the way, in the order in which they are followed. */
  readonly links: readonly Link[];
};

/** Follows a path component by component, as the kernel does. */
export const locate = (path: string): Located => {
  const links: Link[] = [];
  let rest = namesOf(path);
  let at = '/';
  while (rest.length > 0) {
    const [name = '', ...others] = rest;
    const next = name === '..' ? dirname(at) : join(at, name);
    const stats = lstatIfThere(next);
    const target = stats?.isSymbolicLink() ? readlinkIfThere(next) : undefined;
    if (target !== undefined) links.push([next, target]);
    if (stats === undefined || links.length > MAX_LINKS) return { real: undefined, links };
    rest = [...namesOf(target ?? ''), ...others];
    if (target === undefined) at = next;
    else if (target.startsWith('/')) at = '/';
  }
  return { real: at, links };
};

/** As many as Linux follows. */
const MAX_LINKS = 40;

const namesOf = (path: string): string[] => path.split('/').filter(name => name !== '' && name !== '.');

/**
 * Decides whether a symbolic link is part of the system, such as `/bin` or `/var/run`. No other link is followed for
 * a grant, since a sandboxed process may have made it: under this policy or another, for this server or an earlier one.
 *
 * It has to belong to root, as does each directory above it, and this account must not be able to write there. For root
 * permissions say nothing: a sandboxed process of root makes links of root. So for root it has to be directly in one of
 * a few directories, to which no policy should give write access.
 */
export const isSystemLink = (link: string): boolean =>
  lstatIfThere(link)?.uid === 0 && directoriesAbove(link).every(isSystemDirectory);

const isSystemDirectory = (directory: string): boolean => {
  const stats = lstatIfThere(directory);
  if (stats?.uid !== 0) return false;
  if (process.getuid?.() !== 0) return !mayWrite(directory);
  const isKnown = SYSTEM_DIRECTORIES.has(directory) || directory.startsWith('/nix/store/');
  return isKnown && (stats.mode & WRITABLE_BY_OTHERS) === 0;
};

const SYSTEM_DIRECTORIES = new Set(['/', '/etc', '/nix', '/nix/store', '/run', '/usr', '/var']);
const WRITABLE_BY_OTHERS = 0o002;

const directoriesAbove = (path: string): string[] =>
  path === '/' ? [] : [dirname(path), ...directoriesAbove(dirname(path))];

const mayWrite = (path: string): boolean => {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

const lstatIfThere = (path: string): Stats | undefined => {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
};

const readlinkIfThere = (path: string): string | undefined => {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
};
