import { expect } from 'chai';
import { limitsOf, sandboxOf, shellOf, survivorsOf } from '../../../src/cli/doctor/server-facts.ts';
import type { ExecClient } from '../../../src/core/index.ts';

const info: ExecClient['info'] = {
  shell: { name: 'zsh', path: '/bin/zsh', insteadOf: undefined },
  executorVersion: '0',
  providerId: undefined,
  cwd: 'file:///',
  userHomeDir: 'file:///home/me',
  platformOs: 'linux',
  tempDir: 'file:///tmp',
  temporaryDirectories: [],
  prependPathDirs: [],
  capabilities: {},
};

const able = (capabilities: Record<string, boolean>) => ({ info: { ...info, capabilities } });

describe('shellOf', () => {
  it('names the shell and its path', () => {
    expect(shellOf({ info }).message).to.equal('zsh, /bin/zsh');
  });

  it('reports the reason if it is not that of the account', () => {
    const insteadOf = { path: '/usr/sbin/nologin', reason: 'runs no commands' };
    const shell = { name: 'sh', path: '/bin/sh', insteadOf };
    expect(shellOf({ info: { ...info, shell } })).to.deep.equal({
      level: 'note',
      message: 'sh, /bin/sh',
      details: ["used because the account's shell /usr/sbin/nologin runs no commands"],
      data: shell,
    });
  });
});

describe('survivorsOf', () => {
  it('warns if the server has no watchdog', () => {
    expect(survivorsOf(able({ watchdog: true })).level).to.equal('ok');
    expect(survivorsOf(able({ watchdog: false }))).to.include({
      level: 'warning',
      advice: 'after a crash of the server, check for processes that are still running',
    });
    expect(survivorsOf(able({})).level).to.equal('note');
  });
});

describe('sandboxOf', () => {
  it('notes if sandboxes are not available, with the reason', () => {
    const finding = (sandbox: boolean, sandboxUnavailable?: string) =>
      sandboxOf({ ...able({ sandbox }), sandboxUnavailable });
    expect(finding(true).level).to.equal('ok');
    expect(finding(false)).to.deep.include({ level: 'note', details: [] });
    expect(finding(false, 'no bwrap')).to.deep.include({ level: 'note', details: ['no bwrap'] });
  });
});

describe('limitsOf', () => {
  it('lists all limits with their units', () => {
    const limits = { frameBytes: 64 * 1024 * 1024, chunkBytes: 2048, retainedMs: 1500, processes: 4096 };
    expect(limitsOf({ limits })).to.deep.include({
      message: 'frameBytes 64 MiB, chunkBytes 2 KiB, retainedMs 1.5 s, processes 4096',
      data: limits,
    });
  });

  it('wraps the list', () => {
    const limits = Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`limitNumber${at}`, at]));
    const { message, details = [] } = limitsOf({ limits });
    expect([message, ...details].join(', ')).to.equal(
      Object.keys(limits)
        .map((name, at) => `${name} ${at}`)
        .join(', '),
    );
    expect(details.length).to.be.above(0);
    for (const line of [message, ...details]) expect(line.length).to.be.at.most(80);
  });

  it('reports a server without limits', () => {
    expect(limitsOf({ limits: {} }).message).to.equal('the server announces none');
  });
});
