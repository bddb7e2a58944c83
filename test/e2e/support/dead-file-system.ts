import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { childrenOf } from './process-tree.ts';

/**
 * A program that sees a file system at `directory` that never answers, like that of a server that is gone. It is mounted
 * for the program alone, and gone with it.
 */
export const withDeadFileSystem = (
  directory: string,
  argv: readonly string[],
): readonly [string, ...string[]] => ['unshare', '--mount', 'bash', '-c', MOUNT, directory, ...argv];

// FUSE whose device is open but not read. The shell stays, with the device.
const MOUNT = `exec 3<>/dev/fuse
mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 dead "$0" || exit
"$@" 3<&-
exit $?`;

/** The program itself, below the shell that mounted the file system. */
export const programIn = (mounter: number): number => {
  const [program] = childrenOf(mounter);
  if (program === undefined) throw new Error('the program does not run');
  return program;
};

/** How many threads of a process wait for such a file system. */
export const threadsBlocked = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`).filter(thread =>
    readFileSync(`/proc/${pid}/task/${thread}/wchan`, 'utf8').startsWith('fuse_'),
  ).length;

/** Skips the tests where none can be mounted, with the reason; on CI that is a failure. */
export const needDeadFileSystem = (context: Mocha.Context): void => {
  if (process.platform === 'linux') {
    const [file, ...args] = withDeadFileSystem(tmpdir(), ['true']);
    const { error, status, stderr } = spawnSync(file, args, { encoding: 'utf8' });
    if (error === undefined && status === 0) return;
    const reason = `no FUSE file system can be mounted: ${error?.message ?? stderr.trim()}`;
    if (process.env.CI) throw new Error(reason);
    process.stderr.write(`      skipped: ${reason}\n`);
  }
  context.skip();
};
