import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { programPath } from './support/program.ts';

const example = join(import.meta.dirname, '../../docs/examples/run.py');

const isInstalled = spawnSync('python3', ['--version']).status === 0;
if (!isInstalled && process.env.CI) throw new Error('python3 is missing');
if (!isInstalled) process.stderr.write('python3 is missing: the tests of docs/examples/run.py are skipped\n');

const run = (...command: string[]) => {
  const { status, stdout, stderr } = spawnSync(
    'python3',
    [example, process.execPath, programPath, '--stdio', '--', ...command],
    { encoding: 'utf8', env: { ...process.env, MY_TOKEN: 'example' } },
  );
  return { status, stdout, stderr };
};

(isInstalled ? describe : describe.skip)('docs/examples/run.py', () => {
  it('streams stdout and stderr and exits with the exit code', () => {
    const script = 'echo out; echo err >&2; echo "$NO_COLOR,$MY_TOKEN"; exit 7';
    expect(run('sh', '-c', script)).to.deep.equal({ status: 7, stdout: 'out\n1,\n', stderr: 'err\n' });
  });

  it('reports a failed start', () => {
    const { status, stderr } = run('no-such-program');
    expect(status).to.equal(255);
    expect(stderr).to.match(/^program not found: no-such-program /);
  });
});
