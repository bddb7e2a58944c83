import { lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { launchFailed } from '../../protocol/errors.ts';
import { type Access, strictest, type WantedAccess, type WantedEntry } from './wanted-access.ts';

/** One place of the view that a confined process has: the very same place of the machine, with this access. */
export type Mount = {
  /** Without any symbolic link in it. */
  readonly path: string;
  readonly access: Access;
  readonly isDirectory: boolean;
};

/** All that a confined process sees. */
export type View = {
  readonly root: Access;
  /** Each path once, in the order of paths: what is above comes before what is below. */
  readonly mounts: readonly Mount[];
  /** Symbolic links that lead to what is seen, where the link itself would not be: path and target. */
  readonly links: readonly (readonly [path: string, target: string])[];
  readonly network: boolean;
};

/**
 * Looks up what a sandbox names, and what has to be added so that it holds:
 * - a directory between a place that may be written and a place in it is pinned, since renaming it would
 *   move the wall away;
 * - what is `hidden` can't be seen, whatever else was asked.
 *
 * @throws {ExecServerError} `launchFailed` at stage `sandbox` for a place that must be protected and can't be:
 *   one that doesn't exist and could be made, or one behind a symbolic link that could be changed
 */
export const viewOf = (wanted: WantedAccess, hidden: readonly string[] = []): View => {
  const found = wanted.entries.map(entry => ({ entry, at: locate(entry) }));
  const byPath = new Map<string, Access[]>();
  const add = (path: string, access: Access) => byPath.set(path, [...(byPath.get(path) ?? []), access]);
  for (const { entry, at } of found) if (at.real !== undefined) add(at.real, entry.access);
  // A path may lead to the root by a link.
  const root = strictest([wanted.root, ...(byPath.get('/') ?? [])]) ?? 'deny';
  byPath.delete('/');
  for (const path of hidden) {
    const real = realPath(path);
    if (real !== undefined && !isInOwnDev(real, byPath)) byPath.set(real, ['deny']);
  }
  const access = new Map([...byPath].map(([path, all]) => [path, strictest(all) ?? 'deny']));
  for (const { entry, at } of found) refuseUnprotected(entry, at, root, access);
  for (const path of pins(root, access)) access.set(path, 'write');
  const mounts = [...access]
    .sort(([a], [b]) => comparePaths(a, b))
    .map(([path, granted]) => ({ path, access: granted, isDirectory: isDirectory(path) }));
  const view: View = { root, mounts, links: [], network: wanted.network };
  const links = new Map(found.flatMap(({ at }) => at.links).filter(([path]) => needsLink(view, path)));
  return { ...view, links: [...links] };
};

/** What may be done with a path that has no links in it. */
export const accessTo = ({ root, mounts }: Pick<View, 'root' | 'mounts'>, path: string): Access =>
  mounts.findLast(mount => isWithin(path, mount.path))?.access ?? root;

/** Whether a confined process can see what is at a path. */
export const sees = (view: View, path: string): boolean => {
  const real = realPath(path);
  if (real === undefined) return false;
  // Its own.
  if (isWithin(real, '/proc') || isWithin(real, '/dev')) return true;
  return accessTo(view, real) !== 'deny' && linksOf(path).every(([link]) => isVisibleLink(view, link));
};

/** Whether a path is hidden already by the /dev that each sandbox has. */
const isInOwnDev = (path: string, granted: ReadonlyMap<string, unknown>): boolean =>
  isWithin(path, '/dev') &&
  ![...granted.keys()].some(place => place.startsWith('/dev/') && isWithin(path, place));

const isVisibleLink = (view: View, link: string): boolean =>
  accessTo(view, link) !== 'deny' || view.links.some(([path]) => path === link);

const needsLink = (view: View, path: string): boolean =>
  view.root === 'deny' && !view.mounts.some(mount => isWithin(path, mount.path));

type Located = {
  /** `undefined` if nothing is there. */
  readonly real: string | undefined;
  readonly links: readonly (readonly [path: string, target: string])[];
};

const locate = (entry: WantedEntry): Located => ({
  real: realPath(entry.path),
  links: linksOf(entry.path),
});

const realPath = (path: string): string | undefined => {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
};

/** The symbolic links on the way to a path, by their paths without links. */
const linksOf = (path: string): [path: string, target: string][] => {
  const links: [string, string][] = [];
  let rest = path.split('/').filter(name => name !== '');
  let at = '/';
  while (rest.length > 0 && links.length < MAX_LINKS) {
    const [name = '', ...others] = rest;
    if (name === '..') at = dirname(at);
    const next = name === '..' ? at : join(at, name);
    const target = name === '..' ? undefined : linkTarget(next);
    if (target === undefined) {
      at = next;
      rest = others;
      continue;
    }
    links.push([next, target]);
    if (target.startsWith('/')) at = '/';
    rest = [...target.split('/').filter(part => part !== '' && part !== '.'), ...others];
  }
  return links;
};

// As many as Linux follows.
const MAX_LINKS = 40;

const linkTarget = (path: string): string | undefined => {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined;
  }
};

const refuseUnprotected = (
  { path, access, skipMissing }: WantedEntry,
  { real, links }: Located,
  root: Access,
  granted: ReadonlyMap<string, Access>,
): void => {
  if (access === 'write') return;
  const mayWrite = (place: string) => nearest(place, root, granted) === 'write';
  const changeable = links.find(([link]) => mayWrite(dirname(link)));
  if (changeable !== undefined && (real !== undefined || !skipMissing)) {
    const problem = `it lies behind the symbolic link ${changeable[0]}, which may be changed`;
    throw cannotProtect(path, 'ELOOP', problem);
  }
  if (real === undefined && !skipMissing && mayWrite(nearestDirectory(path))) {
    throw cannotProtect(path, 'ENOENT', 'it does not exist, and may be made');
  }
};

const cannotProtect = (path: string, errno: string, problem: string) =>
  launchFailed(`the sandbox can't protect ${path}: ${problem}`, { stage: 'sandbox', errno, path });

const nearest = (path: string, root: Access, granted: ReadonlyMap<string, Access>): Access =>
  path === '/' ? root : (granted.get(path) ?? nearest(dirname(path), root, granted));

/** The nearest thing above that is there, without links in it. */
const nearestDirectory = (path: string): string => {
  const parent = dirname(path);
  return realPath(parent) ?? (parent === '/' ? '/' : nearestDirectory(parent));
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

const isDirectory = (path: string): boolean => {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
};

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
