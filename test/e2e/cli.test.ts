import { type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runCli, startCli } from './support/cli.ts';
import { fixturePath, programPath } from './support/program.ts';
import { waitForNoSurvivorsIn } from './support/survivors.ts';

const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/home/me', MY_TOKEN: 'planted', LANG: 'C.UTF-8' };

const textOf = async (args: readonly string[], input?: string | Buffer) => {
  const { stdout, stderr, end } = await runCli(args, { env, ...(input !== undefined && { input }) });
  return { stdout: stdout.toString(), stderr, end };
};

describe('exec-server run', () => {
  it('keeps stdout and stderr separate and exits with the code of the command', async () => {
    expect(await textOf(['run', '--', 'sh', '-c', 'echo out; echo err >&2; exit 3'])).to.deep.equal({
      stdout: 'out\n',
      stderr: 'err\n',
      end: 3,
    });
  });

  it('does not parse options of the command, also without --', async () => {
    expect(await textOf(['run', 'sh', '-c', 'echo "$0 $1"', '--env', 'x'])).to.include({
      stdout: '--env x\n',
      end: 0,
    });
  });

  it('forwards a piped stdin byte for byte', async () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7) % 256));
    const { stdout } = await runCli(['run', '--', 'cat'], { env, input: bytes });
    expect(stdout).to.deep.equal(bytes);
  });

  it('does not wait for the end of stdin after the command has exited', async () => {
    const { finished } = startCli(['run', '--', 'true'], { env });
    expect((await finished).end).to.equal(0);
  });

  it('exits with 128+n after signal n ended the command', async () => {
    expect(await textOf(['run', '--', 'sh', '-c', 'kill -TERM $$'])).to.include({ end: 143 });
  });

  it('forwards signals to the command', async () => {
    const { child, firstOutput, finished } = startCli(['run', '--', 'sh', fixturePath('traps-sigint.sh')], {
      env,
    });
    await firstOutput;
    child.kill('SIGINT');
    const { stdout, end } = await finished;
    expect({ stdout: stdout.toString(), end }).to.deep.equal({ stdout: 'ready\ngot\n', end: 7 });
  });

  it('kills a command that ignores the first signal at the second', async () => {
    const { child, firstOutput, finished } = startCli(
      ['run', '--', 'sh', fixturePath('ignores-sigterm.sh')],
      { env },
    );
    await firstOutput;
    child.kill('SIGINT');
    await repeatUntil(() => child.kill('SIGINT'), finished);
    expect((await finished).end).to.equal(137);
  });

  it('ends the command after stdout was closed', async () => {
    const { child, firstOutput, finished } = startCli(['run', '--', 'yes'], { env });
    await firstOutput;
    child.stdout.destroy();
    expect((await finished).end).to.equal(141);
  });

  describe('with an output that cannot be written', () => {
    before(function () {
      if (!existsSync('/dev/full')) this.skip();
    });

    /** Runs the program with /dev/full as stdout or stderr. */
    const onFullDevice = (args: readonly string[], output: 'stdout' | 'stderr') => {
      const full = openSync('/dev/full', 'w');
      const stdio: StdioOptions = output === 'stdout' ? ['ignore', full, 'pipe'] : ['ignore', 'pipe', full];
      try {
        const { stdout, stderr, status } = spawnSync(process.execPath, [programPath, ...args], {
          env,
          stdio,
        });
        return [String(stdout ?? ''), String(stderr ?? ''), status];
      } finally {
        closeSync(full);
      }
    };
    const noSpace = (what: string) => `exec-server: cannot write ${what}: no space left on device\n`;

    it('ends the command and reports the output', () => {
      expect(onFullDevice(['run', '--', 'yes'], 'stdout')).to.deep.equal(['', noSpace('to stdout'), 125]);
      expect(onFullDevice(['run', '--', 'sh', '-c', 'yes >&2'], 'stderr')).to.deep.equal(['', '', 125]);
    });

    it('reports nothing if there is no output', () => {
      expect(onFullDevice(['run', '--', 'sh', '-c', 'exit 3'], 'stdout')).to.deep.equal(['', '', 3]);
    });

    it('is reported by all commands', () => {
      for (const args of [['env'], ['--help'], ['env', '--explain', '--json'], ['environments']]) {
        expect(onFullDevice(args, 'stdout'), args.join(' ')).to.deep.equal(['', noSpace('the output'), 125]);
      }
    });
  });

  it('writes output that is longer than a pipe holds', () => {
    const long = 'x'.repeat(120_000);
    const pipe = ['-c', '"$@" | cat', 'sh', process.execPath, programPath, 'env'];
    const { stdout } = spawnSync('sh', pipe, { env: { ...env, LONG: long }, encoding: 'utf8' });
    expect(stdout.split('\n')).to.include(`LONG=${long}`);
  });

  it('prints docs/schema.json', async () => {
    const schema = readFileSync(new URL('../../docs/schema.json', import.meta.url), 'utf8');
    expect(await textOf(['schema'])).to.deep.equal({ stdout: schema, stderr: '', end: 0 });
  });

  it('leaves no process behind when it is killed', async () => {
    const cwd = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-')));
    const { child, firstOutput } = startCli(
      ['run', '--cwd', cwd, '--', 'sh', fixturePath('ignores-sigterm.sh')],
      { env },
    );
    await firstOutput;
    child.kill('SIGKILL');
    await waitForNoSurvivorsIn(cwd);
    rmSync(cwd, { recursive: true });
  });

  it('explains a failed start and exits with the codes of env(1)', async () => {
    expect(await textOf(['run', '--', 'no-such-program'])).to.deep.equal({
      stdout: '',
      stderr:
        `exec-server: program not found: no-such-program (searched ${env.PATH}; PATH kept from base process)\n` +
        "a function of the account's shell needs --shell, an alias --tty --shell\n",
      end: 127,
    });
    expect(await textOf(['run', '--', '/etc/passwd'])).to.deep.equal({
      stdout: '',
      stderr: 'exec-server: /etc/passwd is not executable\n',
      end: 126,
    });
    expect(await textOf(['run', '--cwd', '/no/such', '--', 'true'])).to.deep.equal({
      stdout: '',
      stderr: 'exec-server: cwd does not exist: /no/such\n',
      end: 125,
    });
  });

  it('connects through a shell command with --via', async () => {
    const via = `PLANTED=elsewhere '${process.execPath}' '${programPath}' --stdio`;
    expect(await textOf(['run', '--via', via, '--', 'printenv', 'PLANTED'])).to.include({
      stdout: 'elsewhere\n',
      end: 0,
    });
  });

  it('reports that ssh is not installed', async () => {
    const { stderr, end } = await runCli(['run', '--ssh', 'devbox', '--', 'true'], {
      env: { ...env, PATH: '/no/programs' },
    });
    expect(end).to.equal(255);
    expect(stderr).to.match(
      /ssh: not found\nssh was not found on this machine; install it, or add its directory to PATH\n$/,
    );
  });

  it('exits with 255 without a server, and shows the output of the command', async () => {
    const { stderr, end } = await textOf([
      'run',
      '--via',
      'echo Beer; echo complaint >&2; exit 4',
      '--',
      'true',
    ]);
    expect({ stderr, end }).to.deep.equal({
      stderr:
        'exec-server: could not connect to echo Beer; echo complaint >&2; exit 4: /bin/sh exited with code 4\n  complaint\n' +
        'expected a server, received 5 bytes: "Beer\\n"\n' +
        'the command printed something that is not exec-server output (a menu, a banner or a forced command)\n',
      end: 255,
    });
  });
});

describe('exec-server run on a terminal', () => {
  it('forwards Ctrl-C to the command without ending the connection', async () => {
    // script(1) runs the program on a terminal and types its stdin there.
    const command = `exec '${process.execPath}' '${programPath}' run -- sh '${fixturePath('traps-sigint.sh')}'`;
    const typist = spawn('script', ['-qec', command, '/dev/null'], {
      env: { ...env, SHELL: '/bin/sh' },
      stdio: 'pipe',
    });
    let screen = '';
    let typed = false;
    typist.stdout.on('data', (chunk: Buffer) => {
      screen += chunk;
      if (typed || !screen.includes('ready')) return;
      typed = true;
      typist.stdin.write('\x03');
    });
    const [code] = await once(typist, 'close');
    expect(screen).to.contain('ready').and.contain('got');
    expect(code).to.equal(7);
  });
});

describe('exec-server env', () => {
  it('prints the env of a process, without names that look like secrets', async () => {
    expect(await textOf(['env'])).to.deep.equal({
      stdout: `HOME=${env.HOME}\nLANG=${env.LANG}\nPATH=${env.PATH}\nPWD=${process.cwd()}\n`,
      stderr: '',
      end: 0,
    });
  });

  it('applies all options in the order of the policy', async () => {
    const args = [
      '--inherit',
      'core',
      '--exclude',
      'LANG',
      '--set',
      'A_TOKEN=1',
      '--set',
      'B=2',
      '--set',
      'C=3',
      '--include-only',
      '?',
      '--include-only',
      'PATH',
      '--env',
      'E=5',
      '--env',
      'EMPTY=',
      '--unset',
      'C',
    ];
    expect((await textOf(['env', ...args])).stdout).to.equal(`B=2\nE=5\nEMPTY=\nPATH=${env.PATH}\n`);
  });

  it('keeps secrets with --ignore-default-excludes', async () => {
    expect((await textOf(['env', '--ignore-default-excludes'])).stdout).to.contain('MY_TOKEN=planted\n');
  });

  it('prints nothing for an empty env', async () => {
    expect(await textOf(['env', '--inherit', 'none'])).to.deep.equal({ stdout: '', stderr: '', end: 0 });
  });

  it('sets variables from the caller and from files', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'exec-server-'));
    const file = join(folder, 'variables');
    writeFileSync(file, '# comment\nA=file\nB=file value \nMY_TOKEN\nNOT_SET_HERE\n');
    try {
      const args = ['env', '--inherit', 'none', '--env-file', file, '--env', 'A=option', '--env', 'LANG'];
      expect(await textOf([...args, '--env', 'NOT_SET_HERE', '--unset', 'HOME'])).to.deep.equal({
        stdout: 'A=option\nB=file value \nLANG=C.UTF-8\nMY_TOKEN=planted\n',
        stderr: '',
        end: 0,
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('ends variables with NUL with -0', async () => {
    expect((await textOf(['env', '--inherit', 'none', '--env', 'A=1\n2', '-0'])).stdout).to.equal('A=1\n2\0');
  });
});

describe('the command line', () => {
  const wrong: Array<[title: string, args: string[], line: string]> = [
    ['an unknown option', ['run', '--frob', 'ls'], "unknown option '--frob'"],
    [
      'an unknown command',
      ['frob'],
      "unknown command 'frob'; see 'exec-server help'; to run a program: exec-server run -- frob",
    ],
    ['a mistyped command', ['docter', '--ssh', 'a'], "unknown command 'docter'\n(Did you mean doctor?)"],
    ['a mistyped command of help', ['help', 'evn'], "unknown command 'evn'\n(Did you mean env?)"],
    [
      'an option before its command',
      ['--ssh=a', 'run', 'ls'],
      "option '--ssh' follows a command: exec-server run --ssh …",
    ],
    ['a mistyped option before its command', ['--shh', 'a'], "unknown option '--shh'\n(Did you mean --ssh?)"],
    ['a mistyped option of the server', ['--stdoi'], "unknown option '--stdoi'\n(Did you mean --stdio?)"],
    ['a mistyped option', ['run', '--sshh', 'a'], "unknown option '--sshh'\n(Did you mean --ssh?)"],
    [
      'an argument to doctor',
      ['doctor', 'a'],
      "too many arguments for 'doctor'. Expected 0 arguments but got 1.",
    ],
    [
      'another address than stdio',
      ['--listen', '80'],
      "option '--listen <address>' argument '80' is invalid. Allowed choices are stdio.",
    ],
    [
      'no command to run',
      ['run'],
      "expected a command; without one, '--tty' starts the account's login shell",
    ],
    [
      'no line of the shell to run',
      ['run', '-t', '--shell'],
      "option '--shell' requires a line of the shell",
    ],
    [
      'a terminal without stdin',
      ['run', '-n', '-t', 'cat'],
      "option '-n, --no-stdin' cannot be used with option '-t, --tty'",
    ],
    [
      'a wrong duration',
      ['run', '--timeout', '5x', 'ls'],
      "option '--timeout <duration>' argument '5x' is invalid. Expected a duration from 1ms to 24d, such as 90, 1.5s, 5m or 1h30m; a number without a unit is in seconds.",
    ],
    [
      'a variable without =',
      ['run', '--set', 'A', 'ls'],
      "option '--set <name=value>' argument 'A' is invalid. Expected NAME=VALUE.",
    ],
    [
      'an unknown choice',
      ['run', '--inherit', 'some', 'ls'],
      "option '--inherit <which>' argument 'some' is invalid. Allowed choices are all, core, none.",
    ],
    [
      'two servers',
      ['run', '--ssh', 'a', '--via', 'b', 'ls'],
      "option '--ssh <host>' cannot be used with option '--via <command>'",
    ],
    [
      'the same server twice',
      ['run', '--ssh', 'a', '--ssh', 'b', 'ls'],
      "option '--ssh <host>' argument 'b' is invalid. The option is already set to 'a'; one server can be selected.",
    ],
    [
      'a remote command without --ssh',
      ['run', '--remote-command', 'x', 'ls'],
      "option '--remote-command <command>' requires '--ssh <host>'",
    ],
    [
      'a remote program without --ssh',
      ['run', '--remote-program', 'x', 'ls'],
      "option '--remote-program <path>' requires '--ssh <host>'",
    ],
    [
      'a remote program and a remote command',
      ['run', '--ssh', 'a', '--remote-program', 'x', '--remote-command', 'y', 'ls'],
      "option '--remote-command <command>' cannot be used with option '--remote-program <path>'",
    ],
    [
      'a remote program that begins with -',
      ['run', '--ssh', 'a', '--remote-program', '-x', 'ls'],
      "option '--remote-program <path>' argument '-x' is invalid. argv[0]: expected a program, received an argument that begins with \"-\".",
    ],
    [
      'a missing file of variables',
      ['run', '--env-from', '/no/such', 'ls'],
      '/no/such: cannot be read: no such file or directory',
    ],
    [
      'a file of variables that is not a regular file',
      ['run', '--env-file', '/dev/null', 'ls'],
      "option '--env-file <file>' argument '/dev/null' is invalid. Not a regular file; use --env-from.",
    ],
    [
      'a variable both set and unset',
      ['env', '--env', 'A=1', '--unset', 'A'],
      "options '--env' and '--unset' both name A",
    ],
    [
      '--stdio with anything else',
      ['--stdio', '--listen', 'stdio'],
      "expected only '--stdio' or '--listen stdio', optionally followed by '--memory-limit <size>' and '--log-calls'",
    ],
  ];
  for (const [title, args, line] of wrong) {
    it(`prints a message and exits with 2 for ${title}`, async () => {
      expect(await textOf(args)).to.deep.equal({ stdout: '', stderr: `exec-server: ${line}\n`, end: 2 });
    });
  }

  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await textOf(['--version'])).to.deep.equal({ stdout: `${version}\n`, stderr: '', end: 0 });
  });

  it('prints help with --help, and to stderr with exit code 2 without arguments', async () => {
    const help = await textOf(['--help']);
    expect(help.stdout).to.contain('Usage: exec-server').and.contain('run').and.contain('--stdio');
    expect(await textOf([])).to.deep.equal({ stdout: '', stderr: help.stdout, end: 2 });
    expect((await textOf(['run', '--help'])).stdout)
      .to.contain('--ssh <host>')
      .and.contain('Exit status:');
  });

  for (const command of ['run', 'env', 'environments', 'doctor', 'schema', 'help']) {
    it(`prints the help of ${command} with examples, by --help, -h and help`, async () => {
      const help = await textOf([command, '--help']);
      expect(help).to.include({ stderr: '', end: 0 });
      expect(help.stdout).to.match(new RegExp(`\nExamples:\n  exec-server ${command}\\b`));
      expect([await textOf([command, '-h']), await textOf(['help', command])]).to.deep.equal([help, help]);
    });
  }

  it('prints the same help with help as with --help', async () => {
    expect(await textOf(['help'])).to.deep.equal(await textOf(['--help']));
  });

  it('runs the server with --listen stdio as with --stdio', async () => {
    expect(await textOf(['--listen', 'stdio'])).to.deep.equal({ stdout: '', stderr: '', end: 0 });
  });
});

/** Repeats an action until a promise resolves: a signal can arrive before the first one was forwarded. */
const repeatUntil = async (act: () => void, end: Promise<unknown>): Promise<void> => {
  const timer = setInterval(act, 100);
  await end;
  clearInterval(timer);
};

describe('the single file of the server', () => {
  it('runs the server, and refuses other commands', () => {
    const folder = mkdtempSync(join(tmpdir(), 'exec-server-alone-'));
    try {
      const alone = join(folder, 'exec-server');
      copyFileSync(programPath, alone);
      const { status, stdout, stderr } = spawnSync(process.execPath, [alone, 'run', 'true'], { env });
      expect({ status, stdout: stdout.toString(), stderr: stderr.toString() }).to.deep.equal({
        status: 2,
        stdout: '',
        stderr:
          'exec-server: this standalone server only supports --stdio: other commands need exec-server-cli.cjs in the same directory\n',
      });
      const served = spawnSync(process.execPath, [alone, '--stdio'], { env, input: '' });
      expect({ status: served.status, stderr: served.stderr.toString() }).to.deep.equal({
        status: 0,
        stderr: '',
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
