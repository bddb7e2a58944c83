import { expect } from 'chai';
import { bwrapOptions, descriptorsOf, type HeldMount } from '../../../src/server/sandbox/bwrap-options.ts';
import type { View } from '../../../src/server/sandbox/mounts.ts';

const settings = { cwd: '/work', isRoot: false, filterFd: undefined };
const mount = (path: string, access: HeldMount['access'], isDirectory = true): HeldMount => ({
  path,
  access,
  isDirectory,
  descriptor: 20,
});
const view = (more: Partial<View<HeldMount>>): View<HeldMount> => ({
  root: 'read',
  mounts: [],
  links: [],
  network: false,
  ...more,
});
const options = (more: Partial<View<HeldMount>>, other: Partial<Parameters<typeof bwrapOptions>[1]> = {}) =>
  bwrapOptions(view(more), { ...settings, ...other }).join(' ');

const ALWAYS = '--unshare-user --unshare-pid --unshare-ipc';
const THEN = '--die-with-parent --cap-drop ALL';

describe('bwrapOptions', () => {
  const cases: Array<[title: string, actual: () => string, expected: string]> = [
    [
      'a read-only root without network',
      () => options({}),
      `${ALWAYS} --unshare-net ${THEN} --ro-bind / / --dev /dev --proc /proc --chdir /work`,
    ],
    [
      'a read-only root with the network of the machine',
      () => options({ network: true }),
      `${ALWAYS} ${THEN} --ro-bind / / --dev /dev --proc /proc --chdir /work`,
    ],
    [
      'a writable root, except /sys',
      () => options({ root: 'write' }),
      `${ALWAYS} --unshare-net ${THEN} --bind / / --ro-bind-try /sys /sys --dev /dev --proc /proc --chdir /work`,
    ],
    [
      'only the granted paths, in a read-only root',
      () => options({ root: 'deny', mounts: [mount('/usr', 'read')], links: [['/bin', 'usr/bin']] }),
      `${ALWAYS} --unshare-net ${THEN} --tmpfs / --dev /dev --proc /proc --ro-bind-fd 3 /usr --symlink usr/bin /bin --remount-ro / --chdir /work`,
    ],
    [
      'a read-only /proc for root, and the filter',
      () => options({}, { isRoot: true, filterFd: 9 }),
      `${ALWAYS} --unshare-net ${THEN} --ro-bind / / --dev /dev --proc /proc --remount-ro /proc --seccomp 9 --chdir /work`,
    ],
  ];
  for (const [title, actual, expected] of cases)
    it(`mounts ${title}`, () => expect(actual()).to.equal(expected));

  const mounts = (...all: HeldMount[]) =>
    options({ mounts: all })
      .replace(/^.*--proc \/proc ?/, '')
      .replace(/ ?--chdir \/work$/, '');

  const mountCases: Array<[title: string, mounts: HeldMount[], expected: string]> = [
    ['a writable path', [mount('/a', 'write')], '--bind-fd 3 /a'],
    ['a hidden file', [mount('/a', 'deny', false)], '--ro-bind /dev/null /a'],
    ['a hidden directory', [mount('/a', 'deny')], '--perms 0000 --tmpfs /a --remount-ro /a'],
    [
      'a hidden directory with a visible path in it',
      [mount('/a', 'deny'), mount('/a/b', 'read')],
      '--perms 0111 --tmpfs /a --ro-bind-fd 3 /a/b --remount-ro /a',
    ],
    [
      'neither /proc nor /dev of the machine',
      [mount('/proc', 'write'), mount('/proc/1', 'read'), mount('/dev', 'write')],
      '',
    ],
    [
      'a denied path in /proc',
      [mount('/proc/sys', 'deny')],
      '--perms 0000 --tmpfs /proc/sys --remount-ro /proc/sys',
    ],
    ['a granted path in /dev, without devices', [mount('/dev/shm', 'write')], '--bind-fd 3 /dev/shm'],
  ];
  for (const [title, all, expected] of mountCases)
    it(`mounts ${title}`, () => expect(mounts(...all)).to.equal(expected));

  it('mounts programs last and read-only, whatever the entries request', () => {
    expect(options({ mounts: [mount('/p', 'write')] }, { programs: ['/p/node'] })).to.contain(
      '--bind-fd 3 /p --ro-bind /p/node /p/node --chdir',
    );
  });

  it('numbers the descriptors of the mounts only', () => {
    const mounts = [
      { ...mount('/a', 'write'), descriptor: 31 },
      { ...mount('/a/b', 'deny'), descriptor: 32 },
      { ...mount('/c', 'read'), descriptor: 33 },
      { ...mount('/proc/1', 'read'), descriptor: 34 },
    ];
    expect(descriptorsOf(view({ mounts }))).to.deep.equal([31, 33]);
    expect(options({ mounts })).to.contain(
      '--bind-fd 3 /a --perms 0000 --tmpfs /a/b --ro-bind-fd 4 /c --remount-ro /a/b',
    );
  });
});
