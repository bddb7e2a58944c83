import { expect } from 'chai';
import { findBubblewrap, type SandboxHost } from '../../../src/server/sandbox/bubblewrap.ts';

const host = (more: Partial<SandboxHost> = {}, files: Record<string, string> = {}): SandboxHost => ({
  platform: 'linux',
  path: '/home/me/bin:relative:/opt/bin',
  read: path => files[path],
  isExecutable: path =>
    ['/usr/bin/bwrap', '/usr/bin/env', '/bin/bash', '/usr/bin/bash', '/opt/bin/bwrap', '/proc/self'].includes(
      path,
    ),
  ...more,
});

describe('findBubblewrap', () => {
  it('finds bubblewrap, env and bash, in the directories of the system first', () => {
    expect(findBubblewrap(host())).to.deep.equal({
      bwrap: '/usr/bin/bwrap',
      env: '/usr/bin/env',
      bash: '/usr/bin/bash',
    });
    const elsewhere = host({
      isExecutable: path => /^\/(?:opt|home\/me)\/bin\/bwrap$|\/(?:env|bash|self)$/.test(path),
    });
    expect(findBubblewrap(elsewhere)).to.include({ bwrap: '/home/me/bin/bwrap' });
  });

  const cases: Array<[string, SandboxHost, string]> = [
    [
      'macOS',
      host({ platform: 'darwin' }),
      'sandboxes are not available on darwin: they require bubblewrap, which runs on Linux',
    ],
    [
      'Windows',
      host({ platform: 'win32' }),
      'sandboxes are not available on win32: they require bubblewrap, which runs on Linux',
    ],
    [
      'a machine without bubblewrap',
      host({ isExecutable: path => !path.endsWith('bwrap') }),
      'bubblewrap (bwrap) is not installed',
    ],
    [
      'a machine without bash',
      host({ isExecutable: path => !path.endsWith('bash') }),
      'bash is not installed',
    ],
    [
      'a machine without /proc',
      host({ isExecutable: path => path !== '/proc/self' }),
      '/proc is not mounted',
    ],
    [
      'a system without user namespaces',
      host({}, { '/proc/sys/user/max_user_namespaces': '0\n' }),
      'the system does not allow user namespaces: /proc/sys/user/max_user_namespaces is 0',
    ],
    [
      'a Debian without unprivileged user namespaces',
      host({}, { '/proc/sys/kernel/unprivileged_userns_clone': '0\n' }),
      'the system does not allow user namespaces: /proc/sys/kernel/unprivileged_userns_clone is 0',
    ],
  ];
  for (const [title, machine, reason] of cases) {
    it(`returns the reason on ${title}`, () => expect(findBubblewrap(machine)).to.equal(reason));
  }
});
