import type { HeldPath } from './held-paths.ts';
import { isWithin, type Mount, type View } from './mounts.ts';

export type HeldMount = Mount & Pick<HeldPath, 'isDirectory' | 'descriptor'>;

export type BwrapSettings = {
  readonly cwd: string;
  /** True if the server runs as root, which the permissions of files in /proc do not restrict. */
  readonly isRoot: boolean;
  /** The descriptor of the system call filter, as bubblewrap gets it. */
  readonly filterFd: number | undefined;
  /** Files that are visible whatever the entries request. */
  readonly programs?: readonly string[] | undefined;
};

/** The descriptors of mounts in this process, in the order in which bubblewrap gets them from `FIRST_DESCRIPTOR` on. */
export const descriptorsOf = ({ mounts }: View<HeldMount>): number[] =>
  mounts.filter(isBound).map(({ descriptor }) => descriptor);

/** The number of the first mount descriptor in bubblewrap. */
export const FIRST_DESCRIPTOR = 3;

/**
 * The options of bubblewrap that create a view, without the final `--`. Mounts are given by descriptor, and bubblewrap
 * compares device and inode, since a path could lead elsewhere by then.
 *
 * The root comes first, then /dev, /proc and /sys, then the other mounts, a directory before the paths below it, so that
 * the mount nearest to a file takes effect. Hidden directories become read-only last, once the mounts in them exist.
 */
export const bwrapOptions = (
  view: View<HeldMount>,
  { cwd, isRoot, filterFd, programs = [] }: BwrapSettings,
): string[] => [
  // Without a user namespace root would keep its capabilities in that of the machine.
  ...['--unshare-user', '--unshare-pid', '--unshare-ipc'],
  ...(view.network ? [] : ['--unshare-net']),
  ...['--die-with-parent', '--cap-drop', 'ALL'],
  ...rootOptions(view),
  ...['--dev', '/dev', '--proc', '/proc'],
  // Files of /proc belong to root, and some act on the whole machine.
  ...(isRoot ? ['--remount-ro', '/proc'] : []),
  ...mountOptions(view),
  ...programs.flatMap(path => ['--ro-bind', path, path]),
  ...view.links.flatMap(([path, target]) => ['--symlink', target, path]),
  ...view.mounts.filter(isHiddenDirectory).flatMap(({ path }) => ['--remount-ro', path]),
  ...(view.root === 'deny' ? ['--remount-ro', '/'] : []),
  ...(filterFd === undefined ? [] : ['--seccomp', String(filterFd)]),
  ...['--chdir', cwd],
];

const rootOptions = ({ root }: View): string[] => {
  if (root === 'deny') return ['--tmpfs', '/'];
  if (root === 'read') return ['--ro-bind', '/', '/'];
  // Writes to /sys act on the whole machine.
  return ['--bind', '/', '/', '--ro-bind-try', '/sys', '/sys'];
};

const mountOptions = (view: View<HeldMount>): string[] => {
  let next = FIRST_DESCRIPTOR;
  return view.mounts.flatMap((mount, index) => {
    const { path, access } = mount;
    if (access === 'deny') return maskOptions(mount, containsVisible(index, view));
    if (!isBound(mount)) return [];
    return [access === 'read' ? '--ro-bind-fd' : '--bind-fd', String(next++), path];
  });
};

/**
 * Returns true if the path of the machine is mounted. The machine's /proc would lead out of the sandbox by the roots of
 * other processes, and its /dev has all devices; the sandbox has its own /proc and /dev.
 */
const isBound = ({ path, access }: Mount): boolean =>
  access !== 'deny' && !isWithin(path, '/proc') && path !== '/dev';

/** Returns true if a path below a mount is visible. The mounts below it directly follow it. */
const containsVisible = (index: number, { mounts }: View): boolean => {
  const directory = mounts[index]?.path ?? '/';
  for (let next = index + 1; isWithin(mounts[next]?.path ?? '', directory); next += 1)
    if (mounts[next]?.access !== 'deny') return true;
  return false;
};

const maskOptions = ({ path, isDirectory }: HeldMount, hasVisible: boolean): string[] =>
  // bubblewrap mounts it with nodev, so /dev/null cannot be opened as a device.
  isDirectory ? ['--perms', hasVisible ? '0111' : '0000', '--tmpfs', path] : ['--ro-bind', '/dev/null', path];

const isHiddenDirectory = ({ access, isDirectory }: HeldMount): boolean => access === 'deny' && isDirectory;
