import { dirname } from 'node:path/posix';
import { launchFailed } from '../../protocol/errors.ts';
import { isSystemLink, type Link, type Located, locate } from './locate.ts';
import { type Access, type RequestedAccess, type RequestedEntry, strictest } from './requested-access.ts';

/** A path of this machine that a sandboxed process sees at the same path, with this access. */
export type Mount = {
  /** Free of symbolic links. */
  readonly path: string;
  readonly access: Access;
};

/** The file system that a sandboxed process sees. */
export type View<ViewMount extends Mount = Mount> = {
  readonly root: Access;
  /** Each path once, a directory before the paths below it. */
  readonly mounts: readonly ViewMount[];
  /** Symbolic links to visible paths, which are created in the sandbox since no mount contains them. */
  readonly links: readonly Link[];
  readonly network: boolean;
};

/** Directories of this server that are protected in every sandbox. */
export type ServerDirectories = {
  /** Invisible, whatever the entries request. */
  readonly hidden?: readonly string[];
  /** Read-only unless an entry names exactly this path. Free of symbolic links. */
  readonly guarded?: readonly string[];
};

/**
 * Resolves the paths of the entries, and adds the mounts that are needed to enforce their access: directories between a
 * writable mount and a mount in it are pinned, since renaming one would move the inner path out of its mount.
 *
 * @throws {ExecServerError} `launchFailed` at stage `sandbox` for a grant reached through a symbolic link that a
 *   sandboxed process may have created, and for a path that cannot be protected: it does not exist and can be created,
 *   or it is reached through a symbolic link that can be changed
 */
export const viewOf = (
  requested: RequestedAccess,
  { hidden = [], guarded = [] }: ServerDirectories = {},
): View => {
  const found = requested.entries.map(entry => ({ entry, at: locate(entry.path) }));
  for (const { entry, at } of found) assertNoPlantedLink(entry, at);
  const byPath = new Map<string, Access[]>();
  const add = (path: string, access: Access) => byPath.set(path, [...(byPath.get(path) ?? []), access]);
  for (const { entry, at } of found) if (at.real !== undefined) add(at.real, entry.access);
  // A link may lead to the root.
  const root = strictest([requested.root, ...(byPath.get('/') ?? [])]) ?? 'deny';
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
  for (const { entry, at } of found) assertEnforceable(entry, at, root, access);
  for (const path of pins(root, access)) access.set(path, 'write');
  const mounts = [...access]
    .sort(([a], [b]) => comparePaths(a, b))
    .map(([path, granted]) => ({ path, access: granted }));
  const view: View = { root, mounts, links: [], network: requested.network };
  const links = new Map(found.flatMap(({ at }) => at.links).filter(([path]) => needsLink(view, path)));
  return { ...view, links: [...links] };
};

/** Returns the access to a path that is free of symbolic links. */
export const accessTo = ({ root, mounts }: Pick<View, 'root' | 'mounts'>, path: string): Access =>
  mounts.findLast(mount => isWithin(path, mount.path))?.access ?? root;

/** Returns true if a path exists and a sandboxed process can see it. */
export const sees = (view: View, path: string): boolean => {
  const { real, links } = locate(path);
  if (real === undefined) return false;
  // A sandbox has its own /proc and /dev.
  if (isWithin(real, '/proc') || isWithin(real, '/dev')) return true;
  return accessTo(view, real) !== 'deny' && links.every(([link]) => isVisibleLink(view, link));
};

/** Returns true if the /dev of the sandbox hides a path already. */
const isInOwnDev = (path: string, granted: ReadonlyMap<string, unknown>): boolean =>
  isWithin(path, '/dev') &&
  ![...granted.keys()].some(directory => directory.startsWith('/dev/') && isWithin(path, directory));

const isVisibleLink = (view: View, link: string): boolean =>
  accessTo(view, link) !== 'deny' || view.links.some(([path]) => path === link);

const needsLink = (view: View, path: string): boolean =>
  view.root === 'deny' && !view.mounts.some(mount => isWithin(path, mount.path));

/**
 * Refuses a grant through a link that a sandboxed process may have created: such a link could extend a later sandbox to
 * any path of the account. `deny` follows all links, which grants nothing.
 */
const assertNoPlantedLink = ({ path, access }: RequestedEntry, { links }: Located): void => {
  const planted = access === 'deny' ? undefined : links.find(([link]) => !isSystemLink(link));
  if (planted === undefined) return;
  const [link, target] = planted;
  throw launchFailed(
    `the sandbox cannot grant ${access} access to ${path}: ${link} is a symbolic link to ${target} that a sandboxed ` +
      'process may have created; name its target instead, or remove the link',
    { stage: 'sandbox', errno: 'ELOOP', path },
  );
};

const assertEnforceable = (
  { path, access, skipMissing }: RequestedEntry,
  { real, links }: Located,
  root: Access,
  granted: ReadonlyMap<string, Access>,
): void => {
  const isWritable = (path: string) => nearest(path, root, granted) === 'write';
  const changeable = links.find(([link]) => isWritable(dirname(link)));
  if (changeable !== undefined && (real !== undefined || !skipMissing)) {
    const problem = `it is reached through the symbolic link ${changeable[0]}, which is in a writable directory`;
    throw cannotEnforce(access, path, 'ELOOP', problem);
  }
  if (access === 'write') return;
  if (real === undefined && !skipMissing && isWritable(nearestDirectory(path))) {
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

/** The nearest path above that exists, free of symbolic links. */
const nearestDirectory = (path: string): string => {
  const parent = dirname(path);
  return locate(parent).real ?? (parent === '/' ? '/' : nearestDirectory(parent));
};

/** The directories between each mount and the writable mount that contains it. */
const pins = (root: Access, granted: ReadonlyMap<string, Access>): Set<string> =>
  new Set(
    [...granted.keys()].flatMap(path => {
      const between: string[] = [];
      let at = dirname(path);
      for (; at !== '/' && !granted.has(at); at = dirname(at)) between.push(at);
      return (at === '/' ? root : granted.get(at)) === 'write' ? between : [];
    }),
  );

/** Returns true if a path is a directory or below it. */
export const isWithin = (path: string, directory: string): boolean =>
  directory === '/' || path === directory || path.startsWith(`${directory}/`);

/** Compares name by name, so that the paths below a directory directly follow it. */
const comparePaths = (a: string, b: string): number => {
  const [left, right] = [a.split('/'), b.split('/')];
  const at = left.findIndex((name, index) => name !== right[index]);
  if (at < 0) return left.length - right.length;
  const [x, y] = [left[at] ?? '', right[at]];
  return y === undefined || x > y ? 1 : -1;
};
