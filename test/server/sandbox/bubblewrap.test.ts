import { expect } from 'chai';
import { findBubblewrap, type SandboxHost } from '../../../src/server/sandbox/bubblewrap.ts';

const host = (more: Partial<SandboxHost> = {}, files: Record<string, string> = {}): SandboxHost => ({
  platform: 'linux',
  path: '/home/me/bin:relative:/opt/bin',
  read: path => files[path],
  mayExecute: path =>
    ['/usr/bin/bwrap', '/usr/bin/env', '/bin/bash', '/usr/bin/bash', '/opt/bin/bwrap', '/proc/self'].includes(
      path,
    ),
  ...more,
});

describe('findBubblewrap', () => {
  it('finds what it takes, in the directories of the system first', () => {
    expect(findBubblewrap(host())).to.deep.equal({
      bwrap: '/usr/bin/bwrap',
      env: '/usr/bin/env',
      bash: '/usr/bin/bash',
    });
    const elsewhere = host({
      mayExecute: path => /^\/(?:opt|home\/me)\/bin\/bwrap$|\/(?:env|bash|self)$/.test(path),
    });
    expect(findBubblewrap(elsewhere)).to.include({ bwrap: '/home/me/bin/bwrap' });
  });

  const cases: Array<[string, SandboxHost, string]> = [
    [
      'macOS',
      host({ platform: 'darwin' }),
      'there is no sandbox on darwin: it takes bubblewrap, which is for Linux',
    ],
    [
      'Windows',
      host({ platform: 'win32' }),
      'there is no sandbox on win32: it takes bubblewrap, which is for Linux',
    ],
    [
      'a machine without it',
      host({ mayExecute: path => !path.endsWith('bwrap') }),
      'bubblewrap (bwrap) is not installed',
    ],
    ['a machine without bash', host({ mayExecute: path => !path.endsWith('bash') }), 'there is no bash'],
    ['a machine without /proc', host({ mayExecute: path => path !== '/proc/self' }), 'there is no /proc'],
    [
      'a system that forbids it',
      host({}, { '/proc/sys/user/max_user_namespaces': '0\n' }),
      'the system allows no user namespaces: /proc/sys/user/max_user_namespaces is 0',
    ],
    [
      'a Debian that forbids it',
      host({}, { '/proc/sys/kernel/unprivileged_userns_clone': '0\n' }),
      'the system allows no user namespaces: /proc/sys/kernel/unprivileged_userns_clone is 0',
    ],
  ];
  for (const [title, machine, reason] of cases) {
    it(`tells why there is none on ${title}`, () => expect(findBubblewrap(machine)).to.equal(reason));
  }
});
