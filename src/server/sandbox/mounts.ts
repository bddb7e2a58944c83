import { dirname } from 'node:path/posix';
import { launchFailed } from '../../protocol/errors.ts';
import { isSystemLink, type Link, type Located, locate } from './locate.ts';
import { type Access, type RequestedAccess, type RequestedEntry, strictest } from './requested-access.ts';

/** A place that a sandboxed process sees where it is on this machine, with this access. */
export type Mount = {
  /** Without any symbolic link in it. */
  readonly path: string;
  readonly access: Access;
};

/** All that a sandboxed process sees. */
export type View<Place extends Mount = Mount> = {
  readonly root: Access;
  /** Each path once, in the order of paths: what is above comes before what is below. */
  readonly mounts: readonly Place[];
  /** Symbolic links that lead to what is seen, where the link itself would not be. */
  readonly links: readonly Link[];
  readonly network: boolean;
};

/** Directories of this server. */
export type ServerDirectories = {
  readonly hidden?: readonly string[];
  /** Without symbolic links in them. */
  readonly guarded?: readonly string[];
};

/**
 * Looks up the places that a sandbox names, and adds what makes their access hold:
 * - a directory between a place that may be written and a place in it is pinned, since renaming it would
 *   move the place out of its mount;
 * - what is `hidden` can't be seen, whatever else was asked;
 * - what is `guarded` can't be written, unless the sandbox names the very place for it.
 *
 * @throws {ExecServerError} `launchFailed` at stage `sandbox` for a grant behind a symbolic link that a sandboxed
 *   process may have made, and for a place that must be protected and can't be: one that doesn't exist and could be
 *   made, or one behind a symbolic link that could be changed
 */
export const viewOf = (
  wanted: RequestedAccess,
  { hidden = [], guarded = [] }: ServerDirectories = {},
): View => {
  const found = wanted.entries.map(entry => ({ entry, at: locate(entry.path) }));
  for (const { entry, at } of found) refusePlantedLink(entry, at);
  const byPath = new Map<string, Access[]>();
  const add = (path: string, access: Access) => byPath.set(path, [...(byPath.get(path) ?? []), access]);
  for (const { entry, at } of found) if (at.real !== undefined) add(at.real, entry.access);
  // A path may lead to the root by a link.
  const root = strictest([wanted.root, ...(byPath.get('/') ?? [])]) ?? 'deny';
  byPath.delete('/');
  for (const path of hidden) {
    const { real } = locate(path);
    if (real !== undefined && !isInOwnDev(real, byPath)) byPath.set(real, ['deny']);
  }
  const access = new Map([...byPath].map(([path, all]) => [path, strictest(all) ?? 'deny']));
  for (const path of guarded) {
    const isThere = locate(path).real === path;
    if (isThere && !access.has(path) && nearest(path, root, access) === 'write') access.set(path, 'read');
  }
  for (const { entry, at } of found) refuseUnenforceable(entry, at, root, access);
  for (const path of pins(root, access)) access.set(path, 'write');
  const mounts = [...access]
    .sort(([a], [b]) => comparePaths(a, b))
    .map(([path, granted]) => ({ path, access: granted }));
  const view: View = { root, mounts, links: [], network: wanted.network };
  const links = new Map(found.flatMap(({ at }) => at.links).filter(([path]) => needsLink(view, path)));
  return { ...view, links: [...links] };
};

/** What may be done with a path that has no links in it. */
export const accessTo = ({ root, mounts }: Pick<View, 'root' | 'mounts'>, path: string): Access =>
  mounts.findLast(mount => isWithin(path, mount.path))?.access ?? root;

/** Whether a sandboxed process can see what is at a path. */
export const sees = (view: View, path: string): boolean => {
  const { real, links } = locate(path);
  if (real === undefined) return false;
  // Its own.
  if (isWithin(real, '/proc') || isWithin(real, '/dev')) return true;
  return accessTo(view, real) !== 'deny' && links.every(([link]) => isVisibleLink(view, link));
};

/** Whether a path is hidden already by the /dev that each sandbox has. */
const isInOwnDev = (path: string, granted: ReadonlyMap<string, unknown>): boolean =>
  isWithin(path, '/dev') &&
  ![...granted.keys()].some(place => place.startsWith('/dev/') && isWithin(path, place));

const isVisibleLink = (view: View, link: string): boolean =>
  accessTo(view, link) !== 'deny' || view.links.some(([path]) => path === link);

const needsLink = (view: View, path: string): boolean =>
  view.root === 'deny' && !view.mounts.some(mount => isWithin(path, mount.path));

/**
 * Refuses to follow a link of which a sandboxed process may be the author: it could make any place of the account part
 * of a later sandbox, to be written or only to be read. For `deny` links are followed, which gives access to nothing.
 */
const refusePlantedLink = ({ path, access }: RequestedEntry, { links }: Located): void => {
  const planted = access === 'deny' ? undefined : links.find(([link]) => !isSystemLink(link));
  if (planted === undefined) return;
  const [link, target] = planted;
  throw launchFailed(
    `the sandbox cannot grant ${access} access to ${path}: ${link} is a symbolic link to ${target} that a sandboxed ` +
      'process may have made; name its target instead, or remove the link',
    { stage: 'sandbox', errno: 'ELOOP', path },
  );
};

const refuseUnenforceable = (
  { path, access, skipMissing }: RequestedEntry,
  { real, links }: Located,
  root: Access,
  granted: ReadonlyMap<string, Access>,
): void => {
  const mayWrite = (place: string) => nearest(place, root, granted) === 'write';
  const changeable = links.find(([link]) => mayWrite(dirname(link)));
  if (changeable !== undefined && (real !== undefined || !skipMissing)) {
    const problem = `it is reached through the symbolic link ${changeable[0]}, which is in a writable directory`;
    throw cannotEnforce(access, path, 'ELOOP', problem);
  }
  if (access === 'write') return;
  if (real === undefined && !skipMissing && mayWrite(nearestDirectory(path))) {
    throw cannotEnforce(access, path, 'ENOENT', 'it does not exist and its parent directory is writable');
  }
};

const cannotEnforce = (access: Access, path: string, errno: string, problem: string) =>
  launchFailed(`the sandbox cannot enforce ${access} access to ${path}: ${problem}`, {
    stage: 'sandbox',
    errno,
    path,
  });

const nearest = (path: string, root: Access, granted: ReadonlyMap<string, Access>): Access =>
  path === '/' ? root : (granted.get(path) ?? nearest(dirname(path), root, granted));

/** The nearest thing above that is there, without links in it. */
const nearestDirectory = (path: string): string => {
  const parent = dirname(path);
  return locate(parent).real ?? (parent === '/' ? '/' : nearestDirectory(parent));
};

/** The directories between a place and the place around it that may be written. */
const pins = (root: Access, granted: ReadonlyMap<string, Access>): Set<string> =>
  new Set(
    [...granted.keys()].flatMap(path => {
      const between: string[] = [];
      let at = dirname(path);
      for (; at !== '/' && !granted.has(at); at = dirname(at)) between.push(at);
      return (at === '/' ? root : granted.get(at)) === 'write' ? between : [];
    }),
  );

/** Whether a path is a place or below it. */
export const isWithin = (path: string, place: string): boolean =>
  place === '/' || path === place || path.startsWith(`${place}/`);

/** By names, so that everything below a path follows it directly. */
const comparePaths = (a: string, b: string): number => {
  const [left, right] = [a.split('/'), b.split('/')];
  const at = left.findIndex((name, index) => name !== right[index]);
  if (at < 0) return left.length - right.length;
  const [x, y] = [left[at] ?? '', right[at]];
  return y === undefined || x > y ? 1 : -1;
};
