import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { WireCheck } from '../support/wire-schema.ts';
import { programPath } from './support/program.ts';

const examples = join(import.meta.dirname, '../../docs/examples');
const fixture = (name: string) => join(import.meta.dirname, 'fixtures', name);
const SERVER = [process.execPath, programPath, '--stdio'];

const isInstalled = spawnSync('python3', ['--version']).status === 0;
if (!isInstalled && process.env.CI) throw new Error('python3 is missing');
if (!isInstalled) process.stderr.write('python3 is missing: the tests of docs/examples/*.py are skipped\n');

const python = (args: readonly string[], input = '') => {
  const { status, stdout, stderr } = spawnSync('python3', args, {
    encoding: 'utf8',
    input,
    env: { ...process.env, MY_TOKEN: 'example', PYTHONPATH: examples, PYTHONDONTWRITEBYTECODE: '1' },
  });
  return { status, stdout, stderr };
};

for (const example of ['run.py', 'exec_server.py']) {
  const run = (...command: string[]) => python([join(examples, example), ...SERVER, '--', ...command]);

  (isInstalled ? describe : describe.skip)(`docs/examples/${example}`, () => {
    it('streams stdout and stderr and exits with the exit code', () => {
      const script = 'echo out; echo err >&2; echo "$MY_TOKEN"; exit 7';
      expect(run('sh', '-c', script)).to.deep.equal({ status: 7, stdout: 'out\n\n', stderr: 'err\n' });
    });

    it('reports a failed start', () => {
      const { status, stderr } = run('no-such-program');
      expect(status).to.equal(255);
      expect(stderr).to.match(/^program not found: no-such-program /);
    });
  });
}

(isInstalled ? describe : describe.skip)('docs/examples/exec_server.py', () => {
  let directory: string;

  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-python-')));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it('writes its stdin to the process, and shows what precedes the server', () => {
    const server = ['sh', '-c', 'echo welcome; exec "$@"', 'sh', ...SERVER];
    expect(python([join(examples, 'exec_server.py'), ...server, '--', 'cat'], 'input')).to.deep.equal({
      status: 0,
      stdout: 'input',
      stderr: 'welcome\n',
    });
  });

  it('runs processes, transfers files and reports errors', () => {
    const { stdout, stderr } = python([fixture('drives-client.py'), directory, ...SERVER]);
    expect(stderr).to.equal('');
    const end = { signal: null, reason: 'exited' };
    expect(JSON.parse(stdout)).to.deep.equal({
      cwd: process.cwd(),
      communicate: [7, 'exited', true, 'hello \n'],
      'exact environment': 'ONLY=this\n',
      'next to a flood': 0,
      flood: 5_000_000,
      signal: { ...end, code: 130, signal: 'SIGINT', reason: 'signaled' },
      terminate: { ...end, code: 143, signal: 'SIGTERM', reason: 'terminated' },
      timeout: { ...end, code: 143, signal: 'SIGTERM', reason: 'timeout' },
      terminal: 'go\r\n20 90\r\n',
      'no such program': { kind: 'launchFailed', code: -32603, stage: 'resolve', errno: 'ENOENT' },
      'no such directory': { kind: 'launchFailed', code: -32603, stage: 'cwd', errno: 'ENOENT' },
      read: 'text',
      metadata: {
        is_file: true,
        is_directory: false,
        is_symlink: false,
        size: 4,
        mode: 0o666 & ~process.umask(),
      },
      'upload and download': true,
      list: ['file'],
      'not empty': 'ENOTEMPTY',
      removed: { kind: 'fileNotFound', code: -32004, errno: 'ENOENT' },
      'after the end': { lost: 'the connection has ended' },
      lost: { lost: 'the server closed the connection' },
      'no server': { lost: 'the server closed the connection' },
    });
  });

  it('sends and receives messages of the JSON schema', () => {
    const server = [process.execPath, fixture('records-stdio.js'), directory, ...SERVER];
    const script = 'cat; exit 3';
    const { status } = python(
      [join(examples, 'exec_server.py'), ...server, '--', 'sh', '-c', script],
      'text',
    );
    expect(status).to.equal(3);
    const check = new WireCheck();
    for (const message of bodiesOf(join(directory, 'sent'))) check.sent(message);
    const received = bodiesOf(join(directory, 'received'));
    expect(received.map(message => check.received(message))).to.deep.equal(received.map(() => undefined));
    expect(received.map(({ method }) => method)).to.include.members(['process/output', 'process/closed']);
  });
});

/** The messages of a file of frames. */
const bodiesOf = (file: string): Array<{ readonly method?: string }> =>
  readFileSync(file, 'utf8')
    .split(/Content-Length: \d+\r\n\r\n/)
    .slice(1)
    .map(body => JSON.parse(body));
