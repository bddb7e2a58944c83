import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect } from '../../src/core/index.ts';
import { until } from '../support/until.ts';
import { runCli, startCli } from './support/cli.ts';
import { signal } from './support/process-tree.ts';
import { programPath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';
import { type RemoteHost, startRemoteHost } from './support/remote-host.ts';
import { describeWithSshd } from './support/sshd.ts';

describeWithSshd('exec-server run over a link that is dead', () => {
  let host: RemoteHost;
  let stopped: number[] = [];

  before(async () => {
    host = await startRemoteHost();
  });

  afterEach(() => {
    for (const pid of stopped) signal(pid, 'SIGCONT');
    stopped = [];
  });

  after(() => host.stop());

  /** Stops sshd for the connections that are open now. */
  const stopLink = () => {
    stopped = host.sshd.sessionPids();
    for (const pid of stopped) signal(pid, 'SIGSTOP');
  };

  const startOnHost = async () => {
    const { child, firstOutput, finished } = startCli(
      ['run', '--ssh', 'devbox', '--', 'sh', '-c', 'echo ready; sleep 1000'],
      { env: host.coreEnv },
    );
    await firstOutput;
    stopLink();
    return { child, finished };
  };

  for (const [title, name, again] of [
    ['SIGTERM', 'SIGTERM', undefined],
    ['SIGHUP', 'SIGHUP', undefined],
    ['the second SIGINT', 'SIGINT', 'SIGINT'],
    ['SIGTERM after SIGINT', 'SIGINT', 'SIGTERM'],
  ] as const) {
    it(`ends the connection with ${title}, and exits with 255`, async () => {
      const { child, finished } = await startOnHost();
      child.kill(name);
      // A second signal that comes before the first one is handled would be merged with it.
      const repeating = again && setInterval(() => child.kill(again), 100);
      const { stderr, end } = await finished;
      clearInterval(repeating);
      expect(stderr).to.match(
        new RegExp(
          `^exec-server: the connection to devbox was ended: no answer to ${again === undefined ? name : '(SIGINT|SIGTERM)'} for \\d+ s; the command may still run\n$`,
        ),
      );
      expect(end).to.equal(255);
    });
  }

  it('ends the connection with ~. on a terminal', async () => {
    const outer = await RawClient.open();
    await outer.request('process/start', {
      processId: 'run',
      argv: [
        process.execPath,
        programPath,
        'run',
        '--ssh',
        'devbox',
        '-t',
        '--',
        'sh',
        '-c',
        'echo ready; cat',
      ],
      cwd: '/',
      env: host.coreEnv,
      tty: true,
    });
    const type = (text: string) =>
      outer.request('process/write', { processId: 'run', chunk: Buffer.from(text).toString('base64') });
    const screen = () =>
      outer.messages
        .filter(({ method }) => method === 'process/output')
        .map(({ params }) => Buffer.from(params.chunk, 'base64').toString())
        .join('');
    await outer.waitFor('the command', () => screen().includes('ready'));
    stopLink();
    await type('not sent\r~?');
    await outer.waitFor('the list', () => screen().includes('~~  send ~'));
    await type('~.');
    const { exited } = await outer.finished('run');
    expect(exited.exitCode).to.equal(255);
    expect(screen()).to.include('exec-server: the connection to devbox was ended by the escape sequence');
    await outer.close();
  });

  it('is ended by abort() of the client, which rejects pending calls', async () => {
    const client = await connect(host.target, { localEnv: host.coreEnv });
    stopLink();
    const pending = client.status().catch(({ message }: Error) => message);
    await client.abort('the user has left');
    expect(await pending).to.include('the connection to devbox was lost: the user has left');
  });

  it('cancels a start that is not answered in time', async () => {
    const client = await connect(host.target, { localEnv: host.coreEnv });
    stopLink();
    const error = await client.start({ argv: ['true'], startTimeoutMs: 200 }).catch(reason => reason);
    expect({ kind: error.kind, message: error.message }).to.deep.equal({
      kind: 'startCancelled',
      message: 'the start of process 1 was not answered within 200 ms',
    });
    await client.abort('the test has ended');
  });

  describe('while a start waits for the login shell', () => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      it(`does not run the command after ${name}`, async () => {
        const { home } = host.sshd;
        const [ran, waiting] = [join(home, 'ran'), join(home, 'waiting')];
        const profile = `: > '${waiting}'; while [ ! -e '${join(home, 'go')}' ]; do sleep 0.05; done\n`;
        for (const file of ['.profile', '.bash_profile', '.zprofile'])
          writeFileSync(join(home, file), profile);
        const { child, finished } = startCli(
          ['run', '--ssh', 'devbox', '--base', 'login', '--', 'touch', ran],
          { env: host.coreEnv },
        );
        await until(() => existsSync(waiting), 'the login shell does not run');
        child.kill(name);
        const { stderr, end } = await finished;
        expect({ stderr, end }).to.deep.equal({
          stderr: `exec-server: the connection to devbox was aborted by ${name}\n`,
          end: 255,
        });
        writeFileSync(join(home, 'go'), '');
        await until(() => host.sshd.sessionPids().length === 0, 'the server has not ended');
        expect(existsSync(ran)).to.equal(false);
        for (const file of ['.profile', '.bash_profile', '.zprofile', 'go', 'waiting'])
          rmSync(join(home, file));
      });
    }
  });
});

describe('--connect-timeout', () => {
  it('fails after this time, and reports before what it waits for', async () => {
    const { stderr, end } = await runCli([
      'run',
      '--via',
      'exec sleep 1000',
      '--connect-timeout',
      '4s',
      '--',
      'true',
    ]);
    expect(stderr).to.match(
      /^exec-server: waiting for the first byte of exec-server on exec sleep 1000\nexec-server: could not connect to exec sleep 1000: no answer to initialize within 4 s/,
    );
    expect(end).to.equal(255);
  });

  it('reports output that came in place of an answer', async () => {
    const args = ['env', '--via', 'echo hello; exec sleep 1000', '--connect-timeout', '4s'];
    const { stderr, end } = await runCli(args);
    expect(stderr).to.include('it has printed something, but not answered yet');
    expect(end).to.equal(255);
  });

  it('is not reported with --quiet', async () => {
    const args = ['run', '-q', '--via', 'exec sleep 1000', '--connect-timeout', '4s', '--', 'true'];
    const { stderr } = await runCli(args);
    expect(stderr).to.match(/^exec-server: could not connect to/);
  });
});
