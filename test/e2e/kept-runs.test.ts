import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { skipUnavailable } from '../support/skip-unavailable.ts';
import { until } from '../support/until.ts';
import { runCli, startCli } from './support/cli.ts';
import { childrenOf, signal } from './support/process-tree.ts';
import { programPath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';
import { describeWithSshd, type Sshd, startSshd } from './support/sshd.ts';

const LOST = /^exec-server: the connection to devbox was lost: ssh was killed by SIGKILL; reconnecting$/;
const RESUMED = 'exec-server: the connection to devbox was resumed';

describeWithSshd('exec-server run --keep', () => {
  let sshd: Sshd;
  let env: NodeJS.ProcessEnv;
  const server = `exec '${process.execPath}' '${programPath}' --stdio`;
  const kept = (...options: string[]) => [
    'run',
    '--keep',
    '--ssh',
    'devbox',
    '--remote-command',
    server,
    ...options,
  ];

  before(async () => {
    sshd = await startSshd({ remotePath: '/usr/bin:/bin' });
    env = { ...process.env, PATH: [sshd.clientBin, dirname(process.execPath), '/usr/bin', '/bin'].join(':') };
  });

  after(() => sshd.stop());

  /** Kills the ssh of a client. */
  const cut = (pid = 0) => {
    const transports = childrenOf(pid);
    expect(transports).to.have.lengthOf(1);
    for (const transport of transports) signal(transport, 'SIGKILL');
  };

  const sessions = () =>
    readdirSync(join(sshd.home, '.cache/exec-server/sessions')).filter(name => name !== 'ended.log');

  /** Ends the sessions that were left without a client. */
  const endSessions = async () => {
    const directory = join(sshd.home, '.cache/exec-server/sessions');
    for (const name of sessions().filter(each => each.endsWith('.json')))
      signal(JSON.parse(readFileSync(join(directory, name), 'utf8')).pid, 'SIGTERM');
    await until(
      () => sessions().length === 0,
      () => `there is still ${sessions()}`,
    );
  };

  it('prints each line once while ssh is killed five times', async () => {
    const script = 'for i in $(seq 100); do echo $i; sleep 0.1; done';
    const { child, finished } = startCli(kept('--', 'sh', '-c', script), { env });
    let [output, report, cuts] = ['', '', 0];
    child.stderr.on('data', chunk => {
      report += chunk;
    });
    const resumes = () => report.split(RESUMED).length - 1;
    child.stdout.on('data', chunk => {
      output += chunk;
      if (cuts === 5 || resumes() < cuts || !output.includes(`\n${cuts * 15 + 5}\n`)) return;
      cuts += 1;
      cut(child.pid);
    });
    const { stdout, stderr, end } = await finished;
    expect(String(stdout)).to.equal(Array.from({ length: 100 }, (_, at) => `${at + 1}\n`).join(''));
    expect(end).to.equal(0);
    const lines = stderr.trimEnd().split('\n');
    expect(lines).to.have.lengthOf(10);
    for (const [at, line] of lines.entries())
      if (at % 2 === 0) expect(line).to.match(LOST);
      else expect(line).to.equal(RESUMED);
    expect(sessions()).to.deep.equal([]);
  });

  it('prints nothing about the connection with --quiet', async () => {
    const script = 'echo ready; read line; echo "$line"';
    const { child, finished, firstOutput } = startCli(kept('--quiet', '--', 'sh', '-c', script), { env });
    await firstOutput;
    cut(child.pid);
    child.stdin.end('after\n');
    const { stdout, stderr, end } = await finished;
    expect({ stdout: String(stdout), stderr, end }).to.deep.equal({
      stdout: 'ready\nafter\n',
      stderr: '',
      end: 0,
    });
  });

  describe('while there is no connection', () => {
    let stopped: number[] = [];

    afterEach(() => resumeLink());

    const resumeLink = () => {
      for (const pid of stopped) signal(pid, 'SIGCONT');
      stopped = [];
    };

    /** Lets sshd accept no connection, and cuts the one that is open. */
    const loseLink = (pid: number | undefined, listener: number) => {
      stopped = [listener];
      signal(listener, 'SIGSTOP');
      cut(pid);
    };

    const startWaiting = async () => {
      const script = 'trap "echo interrupted; exit 7" INT; echo ready; while :; do sleep 0.05; done';
      const { child, finished, firstOutput } = startCli(kept('--', 'sh', '-c', script), { env });
      let report = '';
      child.stderr.on('data', chunk => {
        report += chunk;
      });
      const reported = (text: string) =>
        until(
          () => report.includes(text),
          () => `no "${text}" in ${report}`,
        );
      await firstOutput;
      loseLink(child.pid, sshd.listenerPid());
      await reported('reconnecting');
      child.kill('SIGINT');
      await reported(
        'SIGINT will be sent to the command after the reconnection; another signal ends the wait',
      );
      return { child, finished };
    };

    it('sends the first SIGINT to the command after the reconnection', async () => {
      const { finished } = await startWaiting();
      resumeLink();
      const { stdout, stderr, end } = await finished;
      expect({ stdout: String(stdout), end }).to.deep.equal({ stdout: 'ready\ninterrupted\n', end: 7 });
      expect(stderr).to.contain(RESUMED);
    });

    it('ends the wait with the second signal, and exits with 255', async () => {
      const { child, finished } = await startWaiting();
      child.kill('SIGINT');
      const { stderr, end } = await finished;
      expect(end).to.equal(255);
      expect(stderr.trimEnd().split('\n').at(-1)).to.equal(
        'exec-server: the connection to devbox was ended by SIGINT; the command may run for another 1h',
      );
      await endSessions();
    });
  });

  it('connects again when a signal is not answered', async () => {
    const script = 'trap "echo ended; exit 7" TERM; echo ready; while :; do sleep 0.05; done';
    const { child, finished, firstOutput } = startCli(kept('--', 'sh', '-c', script), { env });
    await firstOutput;
    const dead = sshd.sessionPids();
    for (const pid of dead) signal(pid, 'SIGSTOP');
    child.kill('SIGTERM');
    child.stderr.on('data', chunk => {
      if (String(chunk).includes('reconnecting')) for (const pid of dead) signal(pid, 'SIGCONT');
    });
    const { stdout, stderr, end } = await finished;
    expect({ stdout: String(stdout), end }).to.deep.equal({ stdout: 'ready\nended\n', end: 7 });
    expect(stderr).to.match(/was lost: no answer to SIGTERM for \d+ s; reconnecting\n/);
  });

  it('runs the command without it if the server keeps no session', async () => {
    const args = kept('--', 'echo', 'done');
    args[args.indexOf(server)] =
      `HOME=/dev/null XDG_CACHE_HOME=/dev/null TMPDIR=/dev/null XDG_RUNTIME_DIR= ${server}`;
    const { stdout, stderr, end } = await runCli(args, { env });
    expect({ stdout: String(stdout), end }).to.deep.equal({ stdout: 'done\n', end: 0 });
    expect(stderr).to.match(/^exec-server: the command ends with the connection to devbox: .+\n$/);
  });

  it('refuses a word that is no duration', async () => {
    const { stderr, end } = await runCli(['run', '--keep', 'make'], { env });
    expect(stderr).to.contain('Expected a duration').and.contain('Separate the command from it with "--"');
    expect(end).to.equal(2);
  });

  describe('-t', () => {
    /** A terminal with `run --keep -t` on it. */
    const openTerminal = async (...command: string[]) => {
      const outer = await RawClient.open();
      const { pid } = await outer.request('process/start', {
        processId: 'run',
        argv: [process.execPath, programPath, ...kept('-t', '-e', 'TERM=xterm', '--', ...command)],
        cwd: '/',
        env,
        tty: true,
      });
      const screen = () =>
        outer.messages
          .filter(({ method }) => method === 'process/output')
          .map(({ params }) => Buffer.from(params.chunk, 'base64').toString())
          .join('');
      return {
        outer,
        pid: pid as number,
        screen,
        type: (text: string) =>
          outer.request('process/write', { processId: 'run', chunk: Buffer.from(text).toString('base64') }),
        shows: (text: string | RegExp) =>
          until(
            () => (typeof text === 'string' ? screen().includes(text) : text.test(screen())),
            () => `no ${text} in ${JSON.stringify(screen())}`,
          ),
      };
    };

    it('restores the size and lets the program draw again', async () => {
      const script = [
        'import os, signal',
        'show = lambda *_: print("size", *os.get_terminal_size(), flush=True)',
        'signal.signal(signal.SIGWINCH, show)',
        'show()',
        'print(f"[{input()}]")',
      ].join('\n');
      const { outer, pid, screen, type, shows } = await openTerminal('python3', '-c', script);
      await shows('size 80 24');
      cut(pid);
      // The size in between is seen only by a program that is fast enough.
      await shows(/size 80 24[\s\S]*resumed[\s\S]*size 80 24/);
      await type('typed\r');
      await shows('[typed]');
      const { exited } = await outer.finished('run');
      expect(exited.exitCode).to.equal(0);
      expect(screen()).to.contain(`\r\n${RESUMED}\r\n`);
      await outer.close();
    });

    it('ends the command with ~. while there is a connection', async () => {
      const { outer, screen, type, shows } = await openTerminal('sh', '-c', 'echo ready; cat');
      await shows('ready');
      await until(() => sessions().length === 2, 'the session has no socket and no description');
      await type('~.');
      const { exited } = await outer.finished('run');
      expect(exited.exitCode).to.equal(255);
      expect(screen()).to.contain('the connection to devbox was ended by the escape sequence\r\n');
      await until(
        () => sessions().length === 0,
        () => `there is still ${sessions()}`,
      );
      await outer.close();
    });

    it('keeps an editor', async function () {
      if (spawnSync('vim', ['--version']).error) skipUnavailable(this, 'vim is not installed');
      const file = join(sshd.home, 'kept-file');
      const { outer, pid, screen, type, shows } = await openTerminal(
        'vim',
        '-u',
        'NONE',
        '-i',
        'NONE',
        '-N',
        file,
      );
      await shows('kept-file');
      await type('ifirst line\r');
      await shows('first line');
      for (let round = 1; round <= 3; round += 1) {
        const before = screen().length;
        cut(pid);
        await until(
          () => screen().slice(before).split(RESUMED)[1]?.includes('first line') ?? false,
          () => `no screen after the resume: ${JSON.stringify(screen().slice(before))}`,
        );
        await type(`line ${round}\r`);
      }
      await type('\x1b:wq\r');
      const { exited } = await outer.finished('run');
      expect(exited.exitCode).to.equal(0);
      expect(readFileSync(file, 'utf8')).to.equal('first line\nline 1\nline 2\nline 3\n\n');
      await outer.close();
    });
  });
});
