import { isWithin, type Mount, type View } from './mounts.ts';

export type BwrapSettings = {
  readonly cwd: string;
  /** Whether we run as root, whom the permissions of files in /proc don't stop. */
  readonly isRoot: boolean;
  /** The descriptor to read the system call filter from, where there is one. */
  readonly filterFd: number | undefined;
  /** Single files that are seen in any case. */
  readonly programs?: readonly string[];
};

/**
 * The options of bubblewrap that make a view, up to and without the `--`.
 *
 * The root first, then /dev, /proc and /sys, then places from above to below, so that of two the one that is
 * nearer to a file decides. What hides something is made read-only last, when all that lies in it is there.
 */
export const bwrapOptions = (
  view: View,
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
  ...view.mounts.flatMap(mount => mountOptions(mount, view)),
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

const mountOptions = (mount: Mount, view: View): string[] => {
  const { path, access, isDirectory } = mount;
  // A process sees itself and its like there; the machine's /proc would lead out, by the roots of processes.
  if (isWithin(path, '/proc') && access !== 'deny') return [];
  // It has been made already, and that of the machine has all its devices and shared memory.
  if (path === '/dev' && access !== 'deny') return [];
  if (access === 'read') return ['--ro-bind', path, path];
  if (access === 'write') return ['--bind', path, path];
  // No device can be opened through a mount of this kind.
  if (!isDirectory) return ['--ro-bind', '/dev/null', path];
  const leadsToMore = view.mounts.some(
    other => other !== mount && other.access !== 'deny' && isWithin(other.path, path),
  );
  return ['--perms', leadsToMore ? '0111' : '0000', '--tmpfs', path];
};

const isHiddenDirectory = ({ access, isDirectory }: Mount): boolean => access === 'deny' && isDirectory;
