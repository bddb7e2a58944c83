import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { programPath } from './support/program.ts';
import { createTestDirectories, requireSandbox, type TestDirectories } from './support/sandboxes.ts';

describe('exec-server run --sandbox', () => {
  let directories: TestDirectories;

  before(function () {
    requireSandbox(this);
    directories = createTestDirectories(false);
  });

  after(() => directories?.remove());

  const run = (sandbox: string, script: string) => {
    const args = [programPath, 'run', '--sandbox', sandbox, '--cwd', directories.project];
    const { stdout, stderr, status } = spawnSync(process.execPath, [...args, '--', 'sh', '-c', script], {
      encoding: 'utf8',
    });
    return { stdout, stderr, status };
  };

  it('refuses every write with read-only', () => {
    expect(run('read-only', 'cat /etc/passwd >/dev/null && echo read; ! touch f 2>/dev/null')).to.deep.equal({
      stdout: 'read\n',
      stderr: '',
      status: 0,
    });
    expect(readdirSync(directories.project)).to.deep.equal([]);
  });

  it('allows writes to the working directory only with workspace-write', () => {
    const outside = join(directories.outside, 'f');
    const script = `touch f && ! touch ${outside} 2>/dev/null`;
    expect(run('workspace-write', script)).to.deep.equal({ stdout: '', stderr: '', status: 0 });
    expect([readdirSync(directories.project), readdirSync(directories.outside)]).to.deep.equal([['f'], []]);
  });

  it('refuses a file that does not exist', () => {
    expect(run('missing.json', 'true')).to.include({ status: 2 });
  });
});
