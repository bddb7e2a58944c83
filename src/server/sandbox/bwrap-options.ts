import type { HeldPath } from './held-paths.ts';
import { isWithin, type Mount, type View } from './mounts.ts';

export type HeldMount = Mount & Pick<HeldPath, 'isDirectory' | 'descriptor'>;

export type BwrapSettings = {
  readonly cwd: string;
  /** Whether we run as root, whom the permissions of files in /proc don't stop. */
  readonly isRoot: boolean;
  /** The descriptor to read the system call filter from, where there is one. */
  readonly filterFd: number | undefined;
  /** Single files that are seen in any case. */
  readonly programs?: readonly string[] | undefined;
};

/** The descriptors that bubblewrap needs, in the order of their numbers there, from `FIRST_DESCRIPTOR` on. */
export const descriptorsOf = ({ mounts }: View<HeldMount>): number[] =>
  mounts.filter(isBound).map(({ descriptor }) => descriptor);

/** The number of the first descriptor that bubblewrap gets. */
export const FIRST_DESCRIPTOR = 3;

/**
 * The options of bubblewrap that make a view, up to and without the `--`. Places are mounted by descriptors, with a
 * comparison by bubblewrap: a path alone could lead elsewhere by then.
 *
 * The root first, then /dev, /proc and /sys, then places from above to below, so that of two the one that is
 * nearer to a file decides. What hides something is made read-only last, when all that lies in it is there.
 */
export const bwrapOptions = (
  view: View<HeldMount>,
  { cwd, isRoot, filterFd, programs = [] }: BwrapSettings,
): string[] => [
  // Without its own user namespace root would keep capabilities in that of the machine.
  ...['--unshare-user', '--unshare-pid', '--unshare-ipc'],
  ...(view.network ? [] : ['--unshare-net']),
  ...['--die-with-parent', '--cap-drop', 'ALL'],
  ...rootOptions(view),
  ...['--dev', '/dev', '--proc', '/proc'],
  // Its files belong to root, and some act on the whole machine.
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
  // What can be written in /sys acts on the whole machine.
  return ['--bind', '/', '/', '--ro-bind-try', '/sys', '/sys'];
};

const mountOptions = (view: View<HeldMount>): string[] => {
  let next = FIRST_DESCRIPTOR;
  return view.mounts.flatMap((mount, index) => {
    const { path, access } = mount;
    if (access === 'deny') return maskOptions(mount, leadsToMore(index, view));
    if (!isBound(mount)) return [];
    return [access === 'read' ? '--ro-bind-fd' : '--bind-fd', String(next++), path];
  });
};

/**
 * Decides whether a place of the machine is mounted. A process sees itself and its like in /proc, and the machine's
 * would lead out, by the roots of processes. A /dev has been made already, and that of the machine has all its devices
 * and shared memory.
 */
const isBound = ({ path, access }: Mount): boolean =>
  access !== 'deny' && !isWithin(path, '/proc') && path !== '/dev';

/** Returns whether something can be seen below a place. What is below it follows it directly. */
const leadsToMore = (index: number, { mounts }: View): boolean => {
  const place = mounts[index]?.path ?? '/';
  for (let next = index + 1; isWithin(mounts[next]?.path ?? '', place); next += 1)
    if (mounts[next]?.access !== 'deny') return true;
  return false;
};

const maskOptions = ({ path, isDirectory }: HeldMount, hasMore: boolean): string[] =>
  // No device can be opened through a mount of this kind.
  isDirectory ? ['--perms', hasMore ? '0111' : '0000', '--tmpfs', path] : ['--ro-bind', '/dev/null', path];

const isHiddenDirectory = ({ access, isDirectory }: HeldMount): boolean => access === 'deny' && isDirectory;
