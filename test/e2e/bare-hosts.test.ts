import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { skipUnavailable } from '../support/skip-unavailable.ts';
import { programPath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';

// Hosts without something that nearly all hosts have.

const PATH = '/usr/local/bin:/usr/bin:/bin';
const asRoot = process.getuid?.() === 0;

/** Skips the tests if namespaces cannot be created, and prints the reason; fails on CI. */
const requireNamespaces = (test: Mocha.Context): void => {
  if (process.platform !== 'linux') test.skip();
  const { status, stderr } = spawnSync('unshare', [...UNSHARE, '--mount', 'true'], { encoding: 'utf8' });
  if (status === 0) return;
  skipUnavailable(test, `unshare cannot create namespaces on this machine: ${stderr?.trim()}`);
};
const UNSHARE = asRoot ? [] : ['--user', '--map-root-user'];

const run = (argv: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) => {
  const [file = '', ...args] = argv;
  const { status, stdout, stderr } = spawnSync(file, args, { ...options, encoding: 'utf8', input: '' });
  return { status, stdout, stderr };
};

const exitOf = async (client: RawClient, processId: string, cwd: string) => {
  const { error } = await client.ask('process/start', { processId, argv: ['/bin/true'], cwd, env: {} });
  if (error !== undefined) return error.data;
  const { exited } = await client.finished(processId);
  return exited.exitCode;
};

describe('the server as PID 1', () => {
  const asPidOne = (...args: string[]) =>
    run(['unshare', ...UNSHARE, '--fork', '--pid', '--mount-proc', process.execPath, programPath, ...args]);

  for (const args of [['--stdio'], ['--listen', 'stdio'], ['run', '--', 'true']]) {
    it(`exits with the advice to use an init process: ${args.join(' ')}`, function () {
      requireNamespaces(this);
      const { status, stdout, stderr } = asPidOne(...args);
      expect({ status, stdout }).to.deep.equal({ status: 78, stdout: '' });
      expect(stderr).to.match(/^exec-server: cannot run as PID 1, .* docker run --init\n$/);
    });
  }

  it('runs commands that start no processes', function () {
    requireNamespaces(this);
    expect(asPidOne('--version').status).to.equal(0);
  });

  it('starts below an init process', function () {
    requireNamespaces(this);
    const command = [process.execPath, programPath, 'run', '--', 'echo', 'ok'];
    const script = '"$@" & wait $!';
    const argv = ['unshare', ...UNSHARE, '--fork', '--pid', '--mount-proc', 'sh', '-c', script, 'sh'];
    expect(run([...argv, ...command])).to.deep.equal({ status: 0, stdout: 'ok\n', stderr: '' });
  });
});

describe('the server without /proc', () => {
  const script = 'umount -l /proc && exec "$@"';
  const withoutProc = ['unshare', '--mount', 'sh', '-c', script, 'sh'] as const;
  const server = [process.execPath, programPath, '--stdio'];

  beforeEach(function () {
    requireNamespaces(this);
    // In a user namespace, mounts from outside cannot be removed.
    if (!asRoot) this.skip();
  });

  it('runs processes, answers all requests and logs the missing features', async () => {
    const client = await RawClient.open({ argv: [...withoutProc, ...server] });
    const start = (processId: string, script: string, more = {}) =>
      client.request('process/start', {
        processId,
        argv: ['/bin/sh', '-c', script],
        cwd: '/',
        env: { PATH },
        ...more,
      });
    await start('short', 'echo out; echo err >&2; exit 3');
    const { stdout, stderr, exited } = await client.finished('short');
    expect([String(stdout), String(stderr), exited.exitCode]).to.deep.equal(['out\n', 'err\n', 3]);
    for (const target of ['process', 'group', 'tree']) {
      await start(target, 'exec sleep 600');
      await client.request('process/signal', { processId: target, signal: 'SIGKILL', target });
      expect((await client.finished(target)).exited.signal).to.equal('SIGKILL');
    }
    await start('ended', 'sleep 600 & exec sleep 600');
    await client.request('process/terminate', { processId: 'ended' });
    expect((await client.finished('ended')).exited.reason).to.equal('terminated');
    await start('left', 'exec sleep 600');
    expect((await client.request('process/list')).processes).to.have.lengthOf(6);
    expect(await client.request('server/status')).to.include({ rssBytes: null, openDescriptors: null });
    const { capabilities } = await client.request('environment/info');
    expect(capabilities.sandbox).to.equal(false);
    expect(await client.close()).to.equal(0);
    expect(client.stderr).to.match(/^exec-server: \/proc is not mounted: [^\n]*\n$/);
  });

  it('works for the command line, too', () => {
    const argv = [...withoutProc, process.execPath, programPath, 'run', '--', 'echo', 'ok'];
    expect(run(argv)).to.include({ status: 0, stdout: 'ok\n' });
  });
});

describe('the server in a removed directory', () => {
  let directory: string;
  beforeEach(function () {
    if (process.platform === 'win32') this.skip();
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'removed-')));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const removed = ['sh', '-c', 'rmdir "$PWD" && exec "$@"', 'sh', process.execPath, programPath] as const;
  const ended = (stderr: string) => expect(stderr).to.not.match(/^ +at /m);

  it('runs processes in other directories and logs that its own is missing', async () => {
    const client = await RawClient.open({
      argv: [...removed, '--stdio'],
      cwd: directory,
    });
    const { cwd } = await client.request('environment/info');
    expect(cwd).to.equal(`file://${directory}`);
    expect(await exitOf(client, 'there', '/')).to.equal(0);
    expect(await exitOf(client, 'here', cwd)).to.include({ stage: 'cwd', errno: 'ENOENT' });
    expect(await client.close()).to.equal(0);
    expect(client.stderr).to.equal(
      `exec-server: cannot use the current directory ${directory} (ENOENT): processes need another cwd\n`,
    );
  });

  it('names the missing directory on the command line', () => {
    const refused = run([...removed, 'run', '--', 'true'], { cwd: directory });
    ended(refused.stderr);
    expect(refused).to.deep.include({ status: 125, stdout: '' });
    expect(refused.stderr).to.contain(directory);
  });

  it('is one problem for doctor, with advice', () => {
    const { stdout } = run([...removed, 'doctor', '--json'], { cwd: directory });
    const { findings } = JSON.parse(stdout) as {
      findings: Array<{ check: string; level: string; advice: string }>;
    };
    const problems = findings.filter(({ level }) => level === 'problem');
    expect(problems.map(({ check }) => check)).to.deep.equal(['process']);
    expect(problems[0]?.advice).to.contain('--cwd');
  });

  for (const [title, args, status] of [
    ['run in another directory', ['run', '--cwd', '/', '--', 'true'], 0],
    ['env', ['env', '--cwd', '/'], 0],
    ['doctor', ['doctor'], 2],
    ['environments', ['environments'], 0],
    ['help', ['--help'], 0],
  ] as const) {
    it(`prints no stack trace: ${title}`, () => {
      const outcome = run([...removed, ...args], { cwd: directory });
      ended(`${outcome.stderr}${outcome.stdout}`);
      expect(outcome.status).to.equal(status);
    });
  }
});

(asRoot && process.platform === 'linux' ? describe : describe.skip)(
  'the server of an account without an entry in the user database',
  () => {
    let directory: string;
    beforeEach(() => {
      directory = realpathSync(mkdtempSync(join(tmpdir(), 'no-account-')));
      chmodSync(directory, 0o755);
    });
    afterEach(() => rmSync(directory, { recursive: true }));

    const account = ['setpriv', '--reuid', '54321', '--regid', '54321', '--clear-groups'] as const;
    // A copy, because that account may be unable to read the program in the project.
    const copied = (): string => {
      const copy = join(directory, 'exec-server.cjs');
      expect(spawnSync('cp', [programPath, copy]).status).to.equal(0);
      return copy;
    };

    for (const [title, home] of [
      ['no HOME', {}],
      ['an empty HOME', { HOME: '' }],
      ['a relative HOME', { HOME: 'home' }],
    ] as const) {
      it(`runs every command with ${title}`, () => {
        const program = [...account, process.execPath, copied()];
        cpSync(join(programPath, '../exec-server-cli.cjs'), join(directory, 'exec-server-cli.cjs'));
        const env = { PATH, ...home };
        const outcome = (...args: string[]) => {
          const { status, stdout, stderr } = run([...program, ...args], { env, cwd: '/' });
          expect(`${stdout}${stderr}`).to.not.match(/^ +at |internal error/m);
          return { status, stdout };
        };
        expect(outcome('run', '--', 'pwd')).to.deep.equal({ status: 0, stdout: '/\n' });
        expect(outcome('run', '--cwd', join(directory, 'missing'), '--', 'pwd').status).to.equal(125);
        expect(outcome('env').status).to.equal(0);
        expect(outcome('doctor').status).to.be.oneOf([0, 1]);
        expect(outcome('environments').stdout).to.contain('(/.codex/environments.toml)');
      });
    }

    it('uses / as home directory and runs processes without HOME', async () => {
      const client = await RawClient.open({
        argv: [...account, process.execPath, copied(), '--stdio'],
        env: { PATH },
        cwd: '/',
      });
      expect((await client.request('environment/info')).userHomeDir).to.equal('file:///');
      const envPolicy = { inherit: 'all' };
      const argv = ['/usr/bin/env'];
      await client.request('process/start', { processId: 'p', argv, cwd: '/', envPolicy, env: {} });
      expect(String((await client.finished('p')).stdout)).to.equal(`PATH=${PATH}\nPWD=/\n`);
      expect(await client.close()).to.equal(0);
      expect(client.stderr).to.equal(
        'exec-server: HOME is not set and user 54321 is not in the user database: using / as home directory\n',
      );
    });
  },
);
