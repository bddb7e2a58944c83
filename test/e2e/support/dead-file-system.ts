import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { skipUnavailable } from '../../support/skip-unavailable.ts';
import { childrenOf } from './process-tree.ts';

/**
 * The command line of a program for which `directory` is a file system that never answers, as one of a dead server.
 * Only that program sees the mount, and the mount ends with it.
 */
export const withDeadFileSystem = (
  directory: string,
  argv: readonly string[],
): readonly [string, ...string[]] => ['unshare', '--mount', 'bash', '-c', MOUNT, directory, ...argv];

// A FUSE device that is open but never read. The shell keeps it open while the program runs.
const MOUNT = `exec 3<>/dev/fuse
mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 dead "$0" || exit
"$@" 3<&-
exit $?`;

/** The pid of the program, the child of the shell that mounted the file system. */
export const childOfMounter = (mounter: number): number => {
  const [program] = childrenOf(mounter);
  if (program === undefined) throw new Error('the program is not running');
  return program;
};

/** The number of threads of a process that wait for such a file system. */
export const threadsBlocked = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`).filter(thread =>
    readFileSync(`/proc/${pid}/task/${thread}/wchan`, 'utf8').startsWith('fuse_'),
  ).length;

/** Skips the tests if no such file system can be mounted, and prints the reason; fails on CI. */
export const requireDeadFileSystem = (context: Mocha.Context): void => {
  if (process.platform !== 'linux') context.skip();
  const [file, ...args] = withDeadFileSystem(tmpdir(), ['true']);
  const { error, status, stderr } = spawnSync(file, args, { encoding: 'utf8' });
  if (error !== undefined || status !== 0) {
    skipUnavailable(context, `cannot mount a FUSE file system: ${error?.message ?? stderr.trim()}`);
  }
};
