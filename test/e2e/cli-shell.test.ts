import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { skipUnavailable } from '../support/skip-unavailable.ts';
import { runCli } from './support/cli.ts';
import { programPath } from './support/program.ts';
import { type RemoteHost, startRemoteHost } from './support/remote-host.ts';
import { describeWithSshd } from './support/sshd.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';

let home = '';

beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-home-')));
});

afterEach(() => rmSync(home, { recursive: true }));

const run = async (shell: string, args: readonly string[], input = '') => {
  const { stdout, stderr, end } = await runCli(['run', ...args], {
    env: { PATH, HOME: home, SHELL: shell },
    cwd: home,
    input,
  });
  return { stdout: stdout.toString(), stderr, end };
};

/** Runs the program on a terminal by script(1), with `input` typed there; returns what the terminal showed. */
const onTerminal = async (env: NodeJS.ProcessEnv, args: readonly string[], input = '') => {
  const command = [process.execPath, programPath, 'run', ...args]
    .map(word => `'${word.replaceAll("'", "'\\''")}'`)
    .join(' ');
  const typist = spawn('script', ['-qec', `exec ${command}`, '/dev/null'], {
    env: { ...env, SHELL: '/bin/sh' },
    cwd: home,
    stdio: 'pipe',
  });
  let screen = '';
  typist.stdout.on('data', (chunk: Buffer) => {
    screen += chunk;
  });
  typist.stdin.write(input);
  const [end] = await once(typist, 'close');
  return { screen, end };
};

describe('exec-server run --shell', () => {
  const shells = ['/bin/sh', '/bin/bash', '/bin/dash', '/usr/bin/zsh', '/usr/bin/fish', '/usr/bin/tcsh'];
  for (const shell of shells) {
    it(`runs a line of ${shell}, and exits as it does`, async function () {
      if (!existsSync(shell)) skipUnavailable(this, `${shell} is not installed`);
      expect(await run(shell, ['--shell', '--', 'cd / && pwd | tr / x; exit 3'])).to.deep.equal({
        stdout: 'x\n',
        stderr: '',
        end: 3,
      });
    });
  }

  it('runs a line of the shell of busybox', async function () {
    if (!existsSync('/bin/busybox')) skipUnavailable(this, 'busybox is not installed');
    symlinkSync('/bin/busybox', join(home, 'ash'));
    expect(await run(join(home, 'ash'), ['--shell', 'echo a | cat'])).to.include({ stdout: 'a\n', end: 0 });
  });

  it('joins words with spaces, as ssh does', async () => {
    expect(await run('/bin/sh', ['--shell', '--', 'echo', 'a  b', '|', 'cat'])).to.include({
      stdout: 'a b\n',
      end: 0,
    });
  });

  it('reads the start-up files of a login shell', async () => {
    writeFileSync(join(home, '.profile'), 'greet() { echo "hello $1"; }\n');
    expect(await run('/bin/sh', ['--shell', 'greet you'])).to.include({ stdout: 'hello you\n', end: 0 });
  });

  it('forwards stdin to the line', async () => {
    expect(await run('/bin/sh', ['--shell', 'tr a b | tr b c'], 'aba')).to.include({ stdout: 'ccc', end: 0 });
  });

  it('has the aliases of an interactive shell with --tty', async () => {
    writeFileSync(join(home, '.bash_profile'), '. ~/.bashrc\n');
    writeFileSync(join(home, '.bashrc'), "alias ll='echo listing'\n");
    // script(1) runs the program with its own SHELL, so the server gets another one.
    const { screen, end } = await onTerminal({ PATH, HOME: home, TERM: 'dumb' }, [
      '--via',
      `SHELL=/bin/bash exec '${process.execPath}' '${programPath}' --stdio`,
      '--tty',
      '--shell',
      'll here',
    ]);
    expect({ screen, end }).to.deep.equal({ screen: 'listing here\r\n', end: 0 });
  });
});

describe('exec-server run with a command that only a shell has', () => {
  const adviceFor = async (...command: string[]) => {
    const { stderr, end } = await run('/bin/sh', ['--', ...command]);
    return { advice: stderr.split('\n').slice(1).join('\n'), end };
  };

  it('suggests --shell for a line of a shell, quoted for pasting', async () => {
    expect(await adviceFor("echo it's | cat")).to.deep.equal({
      advice: "to run a line of the account's shell: run --shell -- 'echo it'\\''s | cat'\n",
      end: 127,
    });
    const { stdout } = await run('/bin/sh', ['--shell', '--', "echo it\\'s | cat"]);
    expect(stdout).to.equal("it's\n");
  });

  it('suggests --shell for a built-in command', async () => {
    expect(await adviceFor('cd', '/')).to.deep.equal({
      advice: "cd is built into the shell: 'run --shell' runs a line of the account's shell\n",
      end: 127,
    });
  });

  it('suggests --shell for a name that can be a function or an alias', async () => {
    expect(await adviceFor('ll', '-a')).to.deep.equal({
      advice: "a function of the account's shell needs --shell, an alias --tty --shell\n",
      end: 127,
    });
  });

  it('suggests nothing for a path', async () => {
    expect(await adviceFor('/no/such', 'a')).to.deep.equal({ advice: '', end: 127 });
  });
});

describe('exec-server run --cwd', () => {
  it('expands ~ to the home directory of the account', async () => {
    mkdirSync(join(home, 'my src'));
    const pwd = async (cwd: string) => (await run('/bin/sh', ['-w', cwd, '--', 'pwd'])).stdout;
    expect([await pwd('~'), await pwd('~/my src')]).to.deep.equal([`${home}\n`, `${home}/my src\n`]);
  });

  it('takes ./~ for a directory of that name', async () => {
    mkdirSync(join(home, '~'));
    expect((await run('/bin/sh', ['-w', './~', '--', 'pwd'])).stdout).to.equal(`${home}/~\n`);
  });

  it('says that the shell of the caller has expanded ~', async () => {
    expect(await run('/bin/sh', ['--cwd', `${home}/src`, '--', 'pwd'])).to.deep.equal({
      stdout: '',
      stderr:
        `exec-server: cwd does not exist: ${home}/src\n` +
        "your shell has expanded '~'; for the home directory there, quote it: --cwd '~/src'\n",
      end: 125,
    });
  });
});

describe('exec-server run and its stdin', () => {
  it('reads nothing with --no-stdin, so that a loop keeps its input', async () => {
    const script = `while read -r line; do '${process.execPath}' '${programPath}' run -n -- sh -c "echo $line; cat"; done`;
    const child = spawn('/bin/sh', ['-c', script], { env: { PATH, HOME: home }, stdio: 'pipe' });
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk;
    });
    child.stdin.end('one\ntwo\n');
    await once(child, 'close');
    expect(stdout).to.equal('one\ntwo\n');
  });

  it('forwards a terminal without --tty only with --interactive', async () => {
    const env = { PATH, HOME: home };
    expect((await onTerminal(env, ['--', 'wc', '-c'], 'abc\n\x04')).screen).to.match(/(^|\n)0\r\n/);
    expect((await onTerminal(env, ['-i', '--', 'wc', '-c'], 'abc\n\x04')).screen).to.match(/(^|\n)4\r\n/);
  });
});

describeWithSshd('exec-server run --ssh --tty', () => {
  let host: RemoteHost;

  before(async () => {
    host = await startRemoteHost();
  });

  after(() => host.stop());

  it('opens the login shell of the host without a command', async () => {
    for (const file of ['.profile', '.bash_profile', '.zprofile']) {
      writeFileSync(join(host.sshd.home, file), 'FROM_PROFILE=read-by-a-login-shell\n');
    }
    const typed = 'echo "$FROM_PROFILE in $HOME" | tr a-z A-Z\nexit 5\n';
    const { screen, end } = await onTerminal(
      { ...host.coreEnv, TERM: 'dumb' },
      ['--ssh', 'devbox', '-t'],
      typed,
    );
    expect(screen).to.contain(`READ-BY-A-LOGIN-SHELL IN ${host.sshd.home.toUpperCase()}`);
    expect(end).to.equal(5);
  });

  it('runs a line in the shell of the host, in a directory below its home', async () => {
    mkdirSync(join(host.sshd.home, 'src'));
    const { stdout, end } = await runCli(
      [
        'run',
        '--ssh',
        'devbox',
        '-w',
        '~/src',
        '-e',
        'GREETING=hello',
        '--timeout',
        '5m',
        '--shell',
        'echo "$GREETING" | cat; pwd',
      ],
      { env: host.coreEnv },
    );
    expect({ stdout: stdout.toString(), end }).to.deep.equal({
      stdout: `hello\n${host.sshd.home}/src\n`,
      end: 0,
    });
  });
});
