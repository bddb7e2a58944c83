import { join } from 'node:path/posix';
import { invalidParams, limitExceeded, unsupported } from '../../protocol/errors.ts';
import { nativePath } from '../../protocol/native-path.ts';
import type { Sandbox } from '../../protocol/sandbox.ts';
import { MAX_SANDBOX_DEPTH, MAX_SANDBOX_DIRECTORIES, MAX_SANDBOX_PATHS } from './limits.ts';

/** The access to a path and everything below it. */
export type Access = 'read' | 'write' | 'deny';

/** An entry of a sandbox: a path, which may not exist, and the access to it. */
export type RequestedEntry = {
  readonly path: string;
  readonly access: Access;
  /** True if the entry is ignored when its path does not exist. */
  readonly skipMissing: boolean;
};

/** The access that a sandbox requests, in paths of this machine. */
export type RequestedAccess = {
  readonly root: Access;
  readonly entries: readonly RequestedEntry[];
  /** True if the network of the machine is available. */
  readonly network: boolean;
};

/** The paths that special entries of a sandbox stand for. */
export type SpecialPaths = {
  /** The `current_working_directory` of a sandbox that has no `cwd`. */
  readonly cwd: string | undefined;
  /** TMPDIR of the server. */
  readonly tmpdir: string | undefined;
  readonly platform: NodeJS.Platform;
};

/**
 * Converts a sandbox from the wire.
 *
 * @returns `undefined` for a sandbox that restricts nothing
 * @throws {ExecServerError} `unsupported` for an entry that cannot be enforced, `invalidParams`, `limitExceeded`
 */
export const requestedAccess = (sandbox: Sandbox, special: SpecialPaths): RequestedAccess | undefined => {
  const { permissions } = sandbox;
  if (permissions.type === 'disabled') return undefined;
  if (permissions.type === 'external') {
    throw unsupported('sandbox', 'sandbox.permissions.type "external": this server cannot enforce it');
  }
  const network = permissions.network === 'enabled';
  if (permissions.file_system.type === 'unrestricted') {
    return network ? undefined : { root: 'write', entries: [], network };
  }
  // Each entry may name every workspace root.
  limitPaths(sandbox.workspaceRoots.length);
  const entries: RequestedEntry[] = [];
  for (const [index, entry] of permissions.file_system.entries.entries()) {
    const access = entry.access === 'none' ? 'deny' : entry.access;
    const skipMissing = entry.missing_path_behavior === 'skip';
    const field = `sandbox.permissions.file_system.entries[${index}].path`;
    for (const named of pathsOf(entry.path, field, sandbox, special, access)) {
      entries.push({ access, skipMissing, ...named });
    }
    limitPaths(entries.length);
  }
  limitDirectories(entries);
  const isRoot = ({ path }: RequestedEntry) => path === '/';
  return {
    root: strictest(entries.filter(isRoot).map(({ access }) => access)) ?? 'deny',
    entries: entries.filter(entry => !isRoot(entry)),
    network,
  };
};

/** Limits the directories above the paths, each of which is looked up. */
const limitDirectories = (entries: readonly RequestedEntry[]): void => {
  const depths = entries.map(({ path }) => path.split('/').length - 1);
  const deepest = Math.max(0, ...depths);
  if (deepest > MAX_SANDBOX_DEPTH) throw limitExceeded('sandboxDepth', deepest, MAX_SANDBOX_DEPTH);
  const total = depths.reduce((sum, depth) => sum + depth, 0);
  if (total > MAX_SANDBOX_DIRECTORIES) {
    throw limitExceeded('sandboxDirectories', total, MAX_SANDBOX_DIRECTORIES);
  }
};

const limitPaths = (count: number): void => {
  if (count <= MAX_SANDBOX_PATHS) return;
  throw limitExceeded('sandboxPaths', count, MAX_SANDBOX_PATHS, 'name a common parent directory instead');
};

/** Returns the access that takes effect of several entries for one path: `deny` before `write` before `read`. */
export const strictest = (all: readonly Access[]): Access | undefined =>
  (['deny', 'write', 'read'] as const).find(access => all.includes(access));

type EntryPath = Extract<
  Extract<Sandbox['permissions'], { type: 'managed' }>['file_system'],
  { type: 'restricted' }
>['entries'][number]['path'];

type NamedPath = { readonly path: string; readonly skipMissing?: true };

const pathsOf = (
  path: EntryPath,
  field: string,
  { cwd, workspaceRoots }: Sandbox,
  special: SpecialPaths,
  access: Access,
): readonly NamedPath[] => {
  const native = (name: string, value: string) => withoutEnd(join(nativePath(name, value, special.platform)));
  if (path.type === 'path') return [{ path: native(`${field}.path`, path.path) }];
  if (path.type === 'glob_pattern') {
    throw unsupported(
      'sandbox',
      `${field}: a "glob_pattern" cannot be enforced, since matching files may be created later`,
    );
  }
  const { value } = path;
  const below = (directory: string, subpath = '') => ({ path: withoutEnd(join(directory, subpath)) });
  switch (value.kind) {
    case 'root':
      return [{ path: '/' }];
    case 'minimal':
      if (access !== 'read') throw invalidParams(field, '"minimal" requires the access "read"');
      return MINIMAL.map(minimal => ({ path: minimal, skipMissing: true }));
    case 'current_working_directory': {
      const directory = cwd === undefined ? special.cwd : native('sandbox.cwd', cwd);
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
      return special.tmpdir?.startsWith('/') ? [below(special.tmpdir)] : [];
    case 'slash_tmp':
      return [{ path: '/tmp' }];
    case 'unknown':
      throw unsupported('sandbox', `${field}: a special path of kind "unknown" cannot be enforced`);
  }
};

const withoutEnd = (path: string): string =>
  path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;

/** The paths of programs, their libraries, and the accounts, hosts and certificates that they look up. */
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
