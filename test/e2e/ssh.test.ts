import { readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ConnectionLostError, connect, type ExecClient } from '../../src/core/index.ts';
import { runCli, startCli } from './support/cli.ts';
import { childrenOf, signal } from './support/process-tree.ts';
import { CORE_ONLY, type RemoteHost, startRemoteHost } from './support/remote-host.ts';
import { describeWithSshd } from './support/sshd.ts';

describeWithSshd('a connection through sshd', () => {
  let host: RemoteHost;

  before(async () => {
    host = await startRemoteHost();
  });

  after(() => host.stop());

  describe('exec-server run --ssh', () => {
    const run = (args: readonly string[], input?: string) =>
      runCli(['run', '--ssh', 'devbox', ...args], {
        env: host.coreEnv,
        ...(input !== undefined && { input }),
      });

    it('prints HOME and PATH of the host', async () => {
      const { stdout, end } = await run(['--', 'printenv', 'HOME', 'PATH']);
      expect({ stdout: stdout.toString(), end }).to.deep.equal({
        stdout: `${host.sshd.home}\n${host.path}\n`,
        end: 0,
      });
    });

    it('keeps stdout and stderr separate, forwards stdin and exits with the code of the command', async () => {
      const { stdout, stderr, end } = await run(
        ['--', 'sh', '-c', 'cat; echo err >&2; exit 9'],
        'through ssh',
      );
      expect({ stdout: stdout.toString(), stderr, end }).to.deep.equal({
        stdout: 'through ssh',
        stderr: 'err\n',
        end: 9,
      });
    });

    it('transmits all bytes unchanged', async () => {
      const bytes = Buffer.from(Array.from({ length: 1024 }, (_, at) => at % 256));
      const { stdout } = await runCli(['run', '--ssh', 'devbox', '--', 'cat'], {
        env: host.coreEnv,
        input: bytes,
      });
      expect(stdout).to.deep.equal(bytes);
    });

    it('resolves a relative --cwd against the directory of the server', async () => {
      const { stdout } = await run(['--cwd', '.', '--', 'pwd']);
      expect(stdout.toString()).to.equal(`${homedir()}\n`);
    });

    it('reports that the host refuses the connection, and exits with 255', async () => {
      const { stderr, end } = await runCli(['run', '--ssh', 'wronghost', '--', 'true'], {
        env: host.coreEnv,
      });
      expect(end).to.equal(255);
      expect(stderr).to.match(
        /^exec-server: could not connect to wronghost: ssh exited with code 255\n {2}.*refused/,
      );
    });

    it('reports that exec-server is not installed on the host, with the option for its path', async () => {
      const { stderr, end } = await run(['--remote-command', 'missing-server --stdio', '--', 'true']);
      expect(end).to.equal(255);
      expect(stderr).to.match(
        /^exec-server: could not connect to devbox: ssh exited with code 127\n.*missing-server.*not found/,
      );
      expect(stderr).to.contain('--remote-command');
    });

    describe('with a host key that ssh does not accept', () => {
      const knownHosts = () => join(host.sshd.directory, 'known_hosts');
      let accepted: string;
      before(() => {
        accepted = readFileSync(knownHosts(), 'utf8');
      });
      afterEach(() => writeFileSync(knownHosts(), accepted));

      it('shows the whole warning of a changed key, and does not advise to confirm it', async () => {
        const other = readFileSync(join(host.sshd.directory, 'client_key.pub'), 'utf8');
        writeFileSync(knownHosts(), `devbox ${other}`);
        const { stderr, end } = await run(['--', 'true']);
        expect(end).to.equal(255);
        const shown = [
          'REMOTE HOST IDENTIFICATION HAS CHANGED',
          'SHA256:',
          knownHosts(),
          'verification failed',
        ];
        for (const text of shown) expect(stderr).to.contain(text);
        expect(stderr).to.contain('another machine answers in its place').and.not.contain('connect once');
      });

      it('advises to confirm an unknown key', async () => {
        writeFileSync(knownHosts(), '');
        const { stderr, end } = await run(['--', 'true']);
        expect(end).to.equal(255);
        expect(stderr)
          .to.contain('ssh does not know the key of this host')
          .and.not.contain('another machine');
      });
    });

    it('does not pass a host as an option to ssh', async () => {
      const { stderr, end } = await runCli(
        ['run', '--ssh', '-oProxyCommand=touch /tmp/never', '--', 'true'],
        { env: host.coreEnv },
      );
      expect(end).to.equal(255);
      expect(stderr).to.contain('could not connect to -oProxyCommand');
    });

    it('forwards SIGINT to the command and exits with its code', async () => {
      const { child, firstOutput, finished } = startCli(
        [
          'run',
          '--ssh',
          'devbox',
          '--',
          'sh',
          '-c',
          'trap "echo got; exit 7" INT; echo ready; while :; do sleep 0.05; done',
        ],
        { env: host.coreEnv },
      );
      await firstOutput;
      child.kill('SIGINT');
      const { stdout, end } = await finished;
      expect({ stdout: stdout.toString(), end }).to.deep.equal({ stdout: 'ready\ngot\n', end: 7 });
    });
  });

  describe('exec-server env --ssh', () => {
    it('prints the env of the host, and no variable of this machine', async () => {
      const { stdout, end } = await runCli(['env', '--ssh', 'devbox', '--env', 'ADDED=1'], {
        env: host.coreEnv,
      });
      const names = stdout
        .toString()
        .split('\n')
        .map(line => line.slice(0, line.indexOf('=')));
      expect(end).to.equal(0);
      expect(stdout.toString()).to.contain(`HOME=${host.sshd.home}\n`).and.contain(`PATH=${host.path}\n`);
      expect(names).to.include('ADDED').and.not.include('FAKE_API_KEY');
    });
  });

  describe('a client of exec-server/core', () => {
    let client: ExecClient;
    let ssh: number[];

    beforeEach(async () => {
      const others = childrenOf(process.pid);
      client = await connect(host.target, { localEnv: host.coreEnv });
      ssh = childrenOf(process.pid).filter(pid => !others.includes(pid));
    });

    afterEach(() => client.close());

    it('sends no HOME, PATH or secret of this machine', async () => {
      const before = host.received().length;
      const child = await client.start({
        argv: ['printenv', 'HOME', 'PATH', 'CODEX_THREAD_ID', 'TERM'],
        env: {
          policy: { exclude: ['LC_*'] },
          runtime: { threadId: 'thread-7', unifiedExec: true, proxyUrl: 'http://127.0.0.1:3128' },
        },
      });
      const { stdout } = await child.collect();
      expect(stdout.toString()).to.equal(`${host.sshd.home}\n${host.path}\nthread-7\ndumb\n`);

      await client.close();
      const received = host.received().subarray(before).toString('latin1');
      expect(received).to.contain('"process/start"').and.contain('thread-7');
      for (const value of Object.values(CORE_ONLY)) expect(received).not.to.contain(value);
    });

    it('fails all pending calls with the exit of ssh when the connection is lost', async () => {
      const child = await client.start({ argv: ['sleep', '600'] });
      const pending = [child.exit, child.collect(), client.closed].map(promise =>
        promise.catch(error => error),
      );
      await host.sshd.dropConnections();
      const [exit, output, closed] = await Promise.all(pending);
      for (const error of [exit, output, closed]) {
        expect(error).to.be.instanceOf(ConnectionLostError);
        expect((error as ConnectionLostError).message).to.match(
          /^the connection to devbox was lost: ssh exited with code 255/,
        );
      }
      const refused = await client.start({ argv: ['true'] }).catch(error => error);
      expect(refused).to.equal(exit);
    });

    it('reports that ssh was killed', async () => {
      const sleep = await client.start({ argv: ['sleep', '600'] });
      const exit = sleep.exit.catch(error => error);
      for (const pid of ssh) signal(pid, 'SIGKILL');
      const error = await exit;
      expect(error.message).to.match(/^the connection to devbox was lost: ssh was killed by SIGKILL/);
    });
  });
});
