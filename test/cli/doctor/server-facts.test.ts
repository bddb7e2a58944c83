import { expect } from 'chai';
import { limitsOf, sandboxOf, shellOf, survivorsOf } from '../../../src/cli/doctor/server-facts.ts';
import type { ExecClient } from '../../../src/core/index.ts';

const info: ExecClient['info'] = {
  shell: { name: 'zsh', path: '/bin/zsh' },
  executorVersion: '0',
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
});

describe('survivorsOf', () => {
  it('says what the server tells of its watchdog', () => {
    expect(survivorsOf(able({ watchdog: true })).level).to.equal('ok');
    expect(survivorsOf(able({ watchdog: false }))).to.include({
      level: 'warning',
      advice: 'look for what is left there after a crash',
    });
    expect(survivorsOf(able({})).level).to.equal('note');
  });
});

describe('sandboxOf', () => {
  it('says whether processes can be confined', () => {
    const told = (sandbox: boolean, sandboxUnavailable?: string) =>
      sandboxOf({ ...able({ sandbox }), sandboxUnavailable });
    expect(told(true).level).to.equal('ok');
    expect(told(false)).to.deep.include({ level: 'note', details: [] });
    expect(told(false, 'no bwrap')).to.deep.include({ level: 'note', details: ['no bwrap'] });
  });
});

describe('limitsOf', () => {
  it('has every limit, in units', () => {
    const limits = { frameBytes: 64 * 1024 * 1024, chunkBytes: 2048, retainedMs: 1500, processes: 4096 };
    expect(limitsOf({ limits })).to.deep.include({
      message: 'frameBytes 64 MiB, chunkBytes 2 KiB, retainedMs 1.5 s, processes 4096',
      data: limits,
    });
  });

  it('takes as many lines as it needs', () => {
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

  it('says that there are none', () => {
    expect(limitsOf({ limits: {} }).message).to.equal('this server tells none');
  });
});
