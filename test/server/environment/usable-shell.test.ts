import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { usableShell } from '../../../src/server/environment/usable-shell.ts';

(process.platform === 'win32' ? describe.skip : describe)('usableShell', () => {
  let directory: string;
  let shell: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'shells-'));
    shell = join(directory, 'shell');
    writeFileSync(shell, '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(join(directory, 'plain'), '#!/bin/sh\n', { mode: 0o644 });
    symlinkSync('/bin/false', join(directory, 'linked'));
    symlinkSync('/nowhere', join(directory, 'dangling'));
  });

  after(() => rmSync(directory, { recursive: true }));

  it('is the first one', () => {
    expect(usableShell(shell, '/bin/sh')).to.deep.equal({ path: shell });
  });

  it('is /bin/sh if there is none', () => {
    expect([usableShell(), usableShell(undefined, '')]).to.deep.equal([
      { path: '/bin/sh' },
      { path: '/bin/sh' },
    ]);
  });

  it('is the second one if the first is missing in the environment', () => {
    expect(usableShell('', shell)).to.deep.equal({ path: shell });
  });

  const refused = {
    '/usr/sbin/nologin': /^(?:runs no commands|does not exist)$/,
    '/bin/false': 'runs no commands',
    linked: 'runs no commands',
    '/nowhere/shell': 'does not exist',
    '/etc/passwd/shell': 'does not exist',
    dangling: 'does not exist',
    plain: 'is not executable',
    '/bin/sh/': 'does not exist',
    '/tmp': 'is not a file',
  };
  for (const [name, reason] of Object.entries(refused)) {
    it(`is another one instead of ${name}`, () => {
      const path = name.startsWith('/') ? name : join(directory, name);
      const { insteadOf, ...used } = usableShell(path, shell);
      expect(used).to.deep.equal({ path: shell });
      expect(insteadOf?.path).to.equal(path);
      expect(insteadOf?.reason).to.match(new RegExp(reason));
    });
  }

  it('is no program that is searched in PATH', () => {
    expect(usableShell('bash')).to.deep.equal({
      path: '/bin/sh',
      insteadOf: { path: 'bash', reason: 'is not an absolute path' },
    });
  });

  it('is /bin/sh if no other one runs commands, instead of the first', () => {
    expect(usableShell('/bin/false', '/nowhere/shell')).to.deep.equal({
      path: '/bin/sh',
      insteadOf: { path: '/bin/false', reason: 'runs no commands' },
    });
  });
});
