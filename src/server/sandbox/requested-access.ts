import { join } from 'node:path/posix';
import { invalidParams, limitExceeded, unsupported } from '../../protocol/errors.ts';
import { nativePath } from '../../protocol/native-path.ts';
import type { Sandbox } from '../../protocol/sandbox.ts';
import { MAX_SANDBOX_DEPTH, MAX_SANDBOX_DIRECTORIES, MAX_SANDBOX_PLACES } from './limits.ts';

/** What may be done with a place and all below it. */
export type Access = 'read' | 'write' | 'deny';

/** What is asked for one place, before anything is known of the place. */
export type RequestedEntry = {
  readonly path: string;
  readonly access: Access;
  /** Whether a place that isn't there is of no interest. */
  readonly skipMissing: boolean;
};

/** What a sandbox asks for, in paths of this machine. */
export type RequestedAccess = {
  readonly root: Access;
  readonly entries: readonly RequestedEntry[];
  /** Whether the network of the machine may be used. */
  readonly network: boolean;
};

/** What the places are that a sandbox names by their role. */
export type SpecialPaths = {
  /** What `current_working_directory` is where the sandbox itself doesn't say it. */
  readonly cwd: string | undefined;
  /** TMPDIR of the server. */
  readonly tmpdir: string | undefined;
  readonly platform: NodeJS.Platform;
};

/**
 * Reads a sandbox from the wire.
 *
 * @returns `undefined` for one that confines nothing
 * @throws {ExecServerError} `unsupported` for what can't be enforced, `invalidParams` for a path that is none,
 *   `limitExceeded`
 */
export const requestedAccess = (sandbox: Sandbox, places: SpecialPaths): RequestedAccess | undefined => {
  const { permissions } = sandbox;
  if (permissions.type === 'disabled') return undefined;
  if (permissions.type === 'external') {
    throw unsupported('sandbox', 'sandbox.permissions.type "external": this server cannot enforce it');
  }
  const network = permissions.network === 'enabled';
  if (permissions.file_system.type === 'unrestricted') {
    return network ? undefined : { root: 'write', entries: [], network };
  }
  // Each entry may name as many places as there are workspace roots.
  limitPlaces(sandbox.workspaceRoots.length);
  const entries: RequestedEntry[] = [];
  for (const [index, entry] of permissions.file_system.entries.entries()) {
    const access = entry.access === 'none' ? 'deny' : entry.access;
    const skipMissing = entry.missing_path_behavior === 'skip';
    const field = `sandbox.permissions.file_system.entries[${index}].path`;
    for (const place of pathsOf(entry.path, field, sandbox, places, access))
      entries.push({ access, skipMissing, ...place });
    limitPlaces(entries.length);
  }
  limitDirectories(entries);
  const isRoot = ({ path }: RequestedEntry) => path === '/';
  return {
    root: strictest(entries.filter(isRoot).map(({ access }) => access)) ?? 'deny',
    entries: entries.filter(entry => !isRoot(entry)),
    network,
  };
};

/** Each directory on the way to a place is looked up. */
const limitDirectories = (entries: readonly RequestedEntry[]): void => {
  const depths = entries.map(({ path }) => path.split('/').length - 1);
  const deepest = Math.max(0, ...depths);
  if (deepest > MAX_SANDBOX_DEPTH) throw limitExceeded('sandboxDepth', deepest, MAX_SANDBOX_DEPTH);
  const total = depths.reduce((sum, depth) => sum + depth, 0);
  if (total > MAX_SANDBOX_DIRECTORIES) {
    throw limitExceeded('sandboxDirectories', total, MAX_SANDBOX_DIRECTORIES);
  }
};

const limitPlaces = (count: number): void => {
  if (count <= MAX_SANDBOX_PLACES) return;
  throw limitExceeded('sandboxPlaces', count, MAX_SANDBOX_PLACES, 'name a directory above them instead');
};

/** Of several entries for one place: `deny` before `write` before `read`. */
export const strictest = (all: readonly Access[]): Access | undefined =>
  (['deny', 'write', 'read'] as const).find(access => all.includes(access));

type EntryPath = Extract<
  Extract<Sandbox['permissions'], { type: 'managed' }>['file_system'],
  { type: 'restricted' }
>['entries'][number]['path'];

type Place = { readonly path: string; readonly skipMissing?: true };

const pathsOf = (
  path: EntryPath,
  field: string,
  { cwd, workspaceRoots }: Sandbox,
  places: SpecialPaths,
  access: Access,
): readonly Place[] => {
  const { platform } = places;
  const native = (name: string, value: string) => withoutEnd(join(nativePath(name, value, platform)));
  if (path.type === 'path') return [{ path: native(`${field}.path`, path.path) }];
  if (path.type === 'glob_pattern') {
    throw unsupported(
      'sandbox',
      `${field}: a "glob_pattern" cannot be enforced, since matching files may be created later`,
    );
  }
  const { value } = path;
  const below = (place: string, subpath = '') => ({ path: withoutEnd(join(place, subpath)) });
  switch (value.kind) {
    case 'root':
      return [{ path: '/' }];
    case 'minimal':
      if (access !== 'read') throw invalidParams(field, 'expected the access "read" for "minimal"');
      return MINIMAL.map(place => ({ path: place, skipMissing: true }));
    case 'current_working_directory': {
      const directory = cwd === undefined ? places.cwd : native('sandbox.cwd', cwd);
      if (directory === undefined) {
        throw invalidParams('sandbox.cwd', 'expected string, but it is missing');
      }
      return [below(directory, value.subpath)];
    }
    case 'project_roots':
      return workspaceRoots.map((root, index) =>
        below(native(`sandbox.workspaceRoots[${index}]`, root), value.subpath),
      );
    case 'tmpdir':
      return places.tmpdir?.startsWith('/') ? [below(places.tmpdir)] : [];
    case 'slash_tmp':
      return [{ path: '/tmp' }];
    case 'unknown':
      throw unsupported('sandbox', `${field}: a place of the kind "unknown" can't be enforced`);
  }
};

const withoutEnd = (path: string): string =>
  path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;

/** What programs need that were linked with libraries, and look up accounts, hosts and certificates. */
const MINIMAL = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/nix/store',
  '/run/current-system/sw',
  '/etc/alternatives',
  '/etc/ca-certificates',
  '/etc/group',
  '/etc/hosts',
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/ld.so.preload',
  '/etc/localtime',
  '/etc/nsswitch.conf',
  '/etc/passwd',
  '/etc/pki',
  '/etc/resolv.conf',
  '/etc/ssl',
];
