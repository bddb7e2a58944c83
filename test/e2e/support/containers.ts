import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { skipUnavailable } from '../../support/skip-unavailable.ts';

/** Real containers of podman, with a storage of their own. */
export type Containers = {
  /** The environment in which `podman` finds them. */
  readonly env: NodeJS.ProcessEnv;
  /** Starts a container that sleeps, and returns its name. */
  start(image: 'glibc' | 'busybox'): string;
  /** Runs podman and returns its stdout. */
  podman(...args: string[]): string;
  stop(): void;
};

/** Skips the tests of a hook, with the reason, where containers cannot run; fails on CI. */
export const startContainers = (test: Mocha.Context): Containers => {
  const directory = mkdtempSync(join(tmpdir(), 'exec-server-containers-'));
  const env = { ...process.env, ...writeConfiguration(directory) };
  const podman = (...args: string[]): string => {
    const { status, stdout, stderr, error } = spawnSync('podman', args, {
      env,
      encoding: 'utf8',
      timeout: 60_000,
    });
    if (status !== 0) throw new Error(`podman ${args.join(' ')}: ${error?.message ?? stderr}`);
    return stdout;
  };
  const stop = () => {
    const names = podman('ps', '--all', '--quiet').split('\n').filter(Boolean);
    if (names.length > 0) podman('rm', '--force', '--time', '0', ...names);
    podman('system', 'reset', '--force');
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    for (const [image, programs] of Object.entries(IMAGES)) importImage(image, programs, directory, podman);
    podman('run', '--rm', ...RUN, 'glibc', '/bin/sh', '-c', 'exit 0');
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    return skipUnavailable(test, `there are no containers on this machine: ${(error as Error).message}`);
  }
  let count = 0;
  return {
    env,
    podman,
    stop,
    start: image => {
      count += 1;
      const name = `${image}-${count}`;
      podman('run', '--detach', '--name', name, ...RUN, image, '/bin/sleep', '100000');
      return name;
    },
  };
};

/** The limits cannot be raised everywhere. */
const RUN = ['--network', 'none', '--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096'];

const writeConfiguration = (directory: string): NodeJS.ProcessEnv => {
  const storage = join(directory, 'storage.conf');
  const engine = join(directory, 'containers.conf');
  const [graph, run] = ['graph', 'run'].map(name => join(directory, name));
  writeFileSync(storage, `[storage]\ndriver = "vfs"\ngraphroot = "${graph}"\nrunroot = "${run}"\n`);
  writeFileSync(engine, '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n');
  return { CONTAINERS_STORAGE_CONF: storage, CONTAINERS_CONF: engine };
};

/** Programs of an image: those of this machine with their libraries, without Node; or those of busybox. */
const IMAGES: Readonly<Record<'glibc' | 'busybox', readonly string[]>> = {
  glibc:
    'sh ls head gzip sha256sum uname id mkdir chmod rm mv ln grep tail cat sleep kill env printenv tr getconf stty ps'.split(
      ' ',
    ),
  busybox: [],
};

const BUSYBOX = '/bin/busybox';

const importImage = (
  image: string,
  programs: readonly string[],
  directory: string,
  podman: Containers['podman'],
): void => {
  const root = join(directory, image);
  for (const name of ['bin', 'tmp', 'root', 'proc', 'dev', 'etc'])
    mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  if (programs.length === 0) {
    const { stdout } = spawnSync(BUSYBOX, ['--list'], { encoding: 'utf8' });
    copyFileSync(BUSYBOX, join(root, 'bin/busybox'));
    for (const applet of stdout.split('\n').filter(name => name !== '' && name !== 'busybox'))
      symlinkSync('busybox', join(root, 'bin', applet));
  }
  const files = programs.map(name => ({ name, path: realpathSync(programPath(name)) }));
  for (const { name, path } of files) copyFileSync(path, join(root, 'bin', name));
  // With those of Node, which is installed later. Busybox may be static.
  const needed = programs.length === 0 ? [BUSYBOX] : [...files.map(({ path }) => path), process.execPath];
  for (const library of new Set(needed.flatMap(librariesOf))) {
    mkdirSync(join(root, dirname(library)), { recursive: true });
    copyFileSync(library, join(root, library));
  }
  const archive = join(directory, `${image}.tar`);
  const { status, stderr } = spawnSync('tar', ['-C', root, '-cf', archive, '.'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`tar: ${stderr}`);
  podman('import', archive, image);
};

const programPath = (name: string): string => {
  const found = ['/bin', '/usr/bin'].map(directory => join(directory, name)).find(existsSync);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
};

const librariesOf = (program: string): string[] =>
  Array.from(
    spawnSync('ldd', [program], { encoding: 'utf8' }).stdout.matchAll(/(\/\S+) \(0x/g),
    ([, path = '']) => path,
  );
