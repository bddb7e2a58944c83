import { accessSync, constants, lstatSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { attempt } from '../../system/attempt.ts';

/** A symbolic link: its path, which has no links in it, and its target. */
export type Link = readonly [path: string, target: string];

/** The result of resolving a path. */
export type Located = {
  /** The path without symbolic links; `undefined` if it does not exist. */
  readonly real: string | undefined;
  /** The links on the way, in the order in which they are followed. */
  readonly links: readonly Link[];
};

/** Resolves a path component by component, as the kernel does. */
export const locate = (path: string): Located => {
  const links: Link[] = [];
  let rest = namesOf(path);
  let at = '/';
  while (rest.length > 0) {
    const [name = '', ...others] = rest;
    const next = name === '..' ? dirname(at) : join(at, name);
    const stats = lstatIfExists(next);
    const target = stats?.isSymbolicLink() ? attempt(() => readlinkSync(next)) : undefined;
    if (target !== undefined) links.push([next, target]);
    if (stats === undefined || links.length > MAX_LINKS) return { real: undefined, links };
    rest = [...namesOf(target ?? ''), ...others];
    if (target === undefined) at = next;
    else if (target.startsWith('/')) at = '/';
  }
  return { real: at, links };
};

/** The number of links that Linux follows in one path. */
const MAX_LINKS = 40;

const namesOf = (path: string): string[] => path.split('/').filter(name => name !== '' && name !== '.');

/**
 * Returns true for a symbolic link that is part of the system, such as `/bin` or `/var/run`. A grant follows no other
 * link, since a sandboxed process may have created it, under this policy or another, for this server or an earlier one.
 *
 * The link and each directory above it belong to root, and this account cannot write there. Permissions do not restrict
 * root, whose sandboxed processes create links that belong to root. So for root the link has to be directly in one of a
 * few directories to which no policy should give write access.
 */
export const isSystemLink = (link: string): boolean =>
  lstatIfExists(link)?.uid === 0 && directoriesAbove(link).every(isSystemDirectory);

const isSystemDirectory = (directory: string): boolean => {
  const stats = lstatIfExists(directory);
  if (stats?.uid !== 0) return false;
  if (process.getuid?.() !== 0) return !isWritable(directory);
  const isKnown = SYSTEM_DIRECTORIES.has(directory) || directory.startsWith('/nix/store/');
  return isKnown && (stats.mode & WRITABLE_BY_OTHERS) === 0;
};

const SYSTEM_DIRECTORIES = new Set(['/', '/etc', '/nix', '/nix/store', '/run', '/usr', '/var']);
const WRITABLE_BY_OTHERS = 0o002;

const directoriesAbove = (path: string): string[] =>
  path === '/' ? [] : [dirname(path), ...directoriesAbove(dirname(path))];

const isWritable = (path: string): boolean =>
  attempt(() => {
    accessSync(path, constants.W_OK);
    return true;
  }) ?? false;

const lstatIfExists = (path: string) => attempt(() => lstatSync(path, { throwIfNoEntry: false }));
