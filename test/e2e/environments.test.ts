import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runCli } from './support/cli.ts';
import { programPath } from './support/program.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';

/** Value of variables and arguments that must not be printed. */
const PLANTED = 'planted-2f61';

let home: string;
let file: string;

const textOf = async (...args: string[]) => {
  const env = { PATH, HOME: '/home/me', CODEX_HOME: home, HERE: 'yes' };
  const { stdout, stderr, end } = await runCli(args, { env });
  return { stdout: stdout.toString(), stderr, end };
};

const environments = (...lines: string[]) => writeFileSync(file, lines.join('\n'));
const config = (...lines: string[]) => writeFileSync(join(home, 'config.toml'), lines.join('\n'));

const NODE = JSON.stringify(process.execPath);
const SERVER = JSON.stringify(programPath);

/** Entry of a server with its own env, as on another machine. */
const DEVBOX = [
  '[[environments]]',
  'id = "devbox"',
  'program = "env"',
  `args = ["-i", "PATH=${PATH}", "HOME=/home/there", "MY_TOKEN=${PLANTED}", "WHO=devbox", ${NODE}, ${SERVER}, "--stdio"]`,
];

const refused = (line: string) => ({ stdout: '', stderr: `exec-server: ${line}\n`, end: 2 });

beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-')));
  file = join(home, 'environments.toml');
});

afterEach(() => {
  rmSync(home, { recursive: true });
});

describe('exec-server run --environment', () => {
  it('runs on the server of the entry, with its env', async () => {
    environments(...DEVBOX);
    expect(await textOf('run', '--environment', 'devbox', '--', 'printenv', 'WHO', 'HOME')).to.deep.equal({
      stdout: 'devbox\n/home/there\n',
      stderr: '',
      end: 0,
    });
    expect(await textOf('env', '--environment', 'devbox')).to.deep.equal({
      stdout: `HOME=/home/there\nPATH=${PATH}\nPWD=${process.cwd()}\nWHO=devbox\n`,
      stderr: '',
      end: 0,
    });
  });

  it('adds the variables of the entry to its program, and uses its cwd', async () => {
    mkdirSync(join(home, 'work'));
    environments(
      '[[environments]]',
      'id = "here"',
      'program = "sh"',
      `args = ["-c", 'exec "$0" "$@" --stdio', ${NODE}, ${SERVER}]`,
      'cwd = "work"',
      'env = { ADDED = "a b", HOME = "/home/entry" }',
    );
    const command = 'echo "$ADDED, $HOME, $HERE"; pwd -P';
    expect(await textOf('run', '--environment', 'here', '--', 'sh', '-c', command)).to.deep.equal({
      stdout: `a b, /home/entry, yes\n${home}/work\n`,
      stderr: '',
      end: 0,
    });
  });

  it('passes arguments without a shell', async () => {
    environments(
      '[[environments]]',
      'id = "a"',
      'program = "sh"',
      `args = ["-c", 'printf "<%s>" "$@" >&2; exit 3', "sh", "a  b", "", "$HOME", "*", '"', "'"]`,
    );
    const { stderr, end } = await textOf('run', '--environment', 'a', '--', 'true');
    expect({ stderr: stderr.split('\n').slice(0, 2), end }).to.deep.equal({
      stderr: ['exec-server: could not connect to a: sh exited with code 3', `  <a  b><><$HOME><*><"><'>`],
      end: 255,
    });
  });

  it('uses this machine for local, with or without a file', async () => {
    for (const lines of [undefined, DEVBOX]) {
      if (lines) environments(...lines);
      expect(await textOf('run', '--environment', 'local', '--', 'printenv', 'HERE')).to.include({
        stdout: 'yes\n',
      });
    }
    environments('include_local = false');
    expect(await textOf('run', '--environment', 'local', '--', 'true')).to.deep.equal(
      refused(`${file}: \`local\` is excluded by include_local = false`),
    );
  });

  it('ignores the default of the file without the option', async () => {
    environments('default = "devbox"', ...DEVBOX);
    expect(await textOf('run', '--', 'printenv', 'HERE')).to.include({ stdout: 'yes\n', end: 0 });
  });

  it('applies the policy of config.toml, overridden by options', async () => {
    environments(...DEVBOX);
    config(
      'model = "x"',
      '[shell_environment_policy]',
      'exclude = ["WHO"]',
      'set = { A = "file", B = "file" }',
    );
    expect((await textOf('env', '--environment', 'devbox')).stdout).to.equal(
      `A=file\nB=file\nHOME=/home/there\nMY_TOKEN=${PLANTED}\nPATH=${PATH}\nPWD=${process.cwd()}\n`,
    );
    const options = ['--set', 'B=option', '--exclude', 'HOME', '--no-ignore-default-excludes'];
    expect((await textOf('env', '--environment', 'devbox', ...options)).stdout).to.equal(
      `A=file\nB=option\nPATH=${PATH}\nPWD=${process.cwd()}\nWHO=devbox\n`,
    );
    expect((await textOf('env', '--environment', 'devbox', '--no-config')).stdout).to.equal(
      `HOME=/home/there\nPATH=${PATH}\nPWD=${process.cwd()}\nWHO=devbox\n`,
    );
    expect((await textOf('env', '--inherit', 'none')).stdout).to.equal('');
  });

  it('applies the policy of the file of --config on every server', async () => {
    writeFileSync(
      join(home, 'mine.toml'),
      '[shell_environment_policy]\ninherit = "none"\nset = { A = "mine" }',
    );
    expect(await textOf('env', '--config', join(home, 'mine.toml'))).to.deep.equal({
      stdout: 'A=mine\n',
      stderr: '',
      end: 0,
    });
  });

  it('starts from the login shell with experimental_use_profile of config.toml', async () => {
    environments(...DEVBOX);
    config('[shell_environment_policy]', 'experimental_use_profile = true');
    const { stdout, end } = await textOf('env', '--environment', 'devbox', '--explain', 'WHO');
    expect(end).to.equal(0);
    expect(stdout.split('\n')[0]).to.match(/^base: (login$|process \(login failed: )/);
  });

  it('explains the variables of the server', async () => {
    environments(...DEVBOX);
    const { stdout, stderr } = await textOf(
      'env',
      '--environment',
      'devbox',
      '--explain',
      'MY_TOKEN',
      'HERE',
    );
    expect(stderr).to.equal('');
    expect(stdout)
      .to.match(/^MY_TOKEN +removed .*\*TOKEN\*$/m)
      .and.to.match(/^HERE +absent/m);
    expect(stdout)
      .to.match(/^3 kept, 1 removed, 1 set$/m)
      .and.to.not.contain(PLANTED);
  });

  it('stops waiting for a server after initialize_timeout_sec of the entry', async () => {
    environments(
      '[[environments]]',
      'id = "slow"',
      'program = "sleep"',
      'args = ["600"]',
      'initialize_timeout_sec = 0.25',
    );
    expect(await textOf('run', '--environment', 'slow', '--', 'true')).to.deep.equal({
      stdout: '',
      stderr:
        'exec-server: could not connect to slow: no answer to initialize within 0.25 s: sleep was killed by SIGTERM\n',
      end: 255,
    });
  });

  it('distinguishes a missing directory from a missing program', async () => {
    environments(
      ...['[[environments]]', 'id = "directory"', 'program = "sh"', 'cwd = "none"'],
      ...['[[environments]]', 'id = "program"', 'program = "no-such-program"'],
    );
    expect(await textOf('run', '--environment', 'directory', '--', 'true')).to.deep.equal({
      stdout: '',
      stderr: `exec-server: could not connect to directory: cannot enter the working directory ${home}/none: no such file or directory\n`,
      end: 255,
    });
    const missing = await textOf('run', '--environment', 'program', '--', 'true');
    expect(missing.end).to.equal(255);
    expect(missing.stderr).to.match(
      /^exec-server: could not connect to program: no-such-program exited with code 127\n.*not found\nno-such-program was not found on this machine/,
    );
  });

  it('refers to the entry if its ssh does not find the server', async () => {
    mkdirSync(join(home, 'bin'));
    // Behaves like ssh to a host without exec-server: the message of the shell and its exit code.
    writeFileSync(
      join(home, 'bin/ssh'),
      '#!/bin/sh\necho "bash: exec-server: command not found" >&2; exit 127\n',
      {
        mode: 0o755,
      },
    );
    environments(
      '[[environments]]',
      'id = "host"',
      'program = "ssh"',
      'args = ["host", "exec-server --stdio"]',
      `env = { PATH = "${home}/bin:${PATH}" }`,
    );
    const { stderr, end } = await textOf('run', '--environment', 'host', '--', 'true');
    expect(end).to.equal(255);
    expect(stderr)
      .to.match(/^exec-server: could not connect to host: ssh exited with code 127\n/)
      .and.to.match(/\nspecify the path in its entry of environments\.toml\n$/);
  });

  it('refuses an entry with a url only if it is used', async () => {
    environments('[[environments]]', 'id = "cloud"', 'url = "wss://x"', ...DEVBOX);
    expect(await textOf('run', '--environment', 'devbox', '--', 'true')).to.include({ end: 0 });
    expect(await textOf('run', '--environment', 'cloud', '--', 'true')).to.deep.equal(
      refused(`${file}:1:1: environment \`cloud\` has a url, which is not supported; it needs a program`),
    );
  });

  it('lists the known environments for an unknown one', async () => {
    expect(await textOf('run', '--environment', 'devbox', '--', 'true')).to.deep.equal(
      refused(`${file}: unknown environment \`devbox\`; known: \`local\``),
    );
    environments(...DEVBOX);
    expect(await textOf('run', '--environment', 'devbx', '--', 'true')).to.deep.equal(
      refused(`${file}: unknown environment \`devbx\`, did you mean \`devbox\`?`),
    );
  });

  it('reports all errors of a file with their lines', async () => {
    environments(
      'defualt = "devbox"',
      '[[environments]]',
      'id = "devbox"',
      'program = "ssh"',
      '  args = 5',
      `env = { A = 1, B = "${PLANTED}" }`,
    );
    expect(await textOf('run', '--environment', 'devbox', '--', 'true')).to.deep.equal(
      refused(
        [
          `${file}:1:1: unknown key \`defualt\`, did you mean \`default\`?`,
          `${file}:5:3: environments[0].args: expected an array of strings, received a number`,
          `${file}:6:9: environments[0].env.A: expected a string, received a number`,
        ].join('\n'),
      ),
    );
    environments('[[environments]]', 'id = devbox');
    expect(await textOf('run', '--environment', 'devbox', '--', 'true')).to.deep.equal(
      refused(`${file}:2:6: expected a value; a string needs quotes`),
    );
  });

  it('reads no file without an option for it', async () => {
    environments('not TOML');
    config('not TOML');
    expect(await textOf('run', '--', 'echo', 'fine')).to.deep.equal({ stdout: 'fine\n', stderr: '', end: 0 });
  });

  it('reports a missing file of an option', async () => {
    const none = join(home, 'none.toml');
    for (const args of [
      ['--config', none],
      ['--environment', 'a', '--environments-file', none],
    ]) {
      expect(await textOf('run', ...args, '--', 'true')).to.deep.equal(
        refused(`${none}: cannot be read: no such file or directory`),
      );
    }
  });

  it('prints no variable of an entry in errors', async () => {
    const entry = (id: string, ...lines: string[]) => [
      '[[environments]]',
      `id = "${id}"`,
      ...lines,
      `env = { SECRET = "${PLANTED}" }`,
    ];
    environments(
      ...entry('exits', 'program = "false"'),
      ...entry('speaks', 'program = "echo"', 'args = ["noise"]'),
      ...entry('missing', 'program = "no-such-program"'),
      ...entry('directory', 'program = "sh"', 'cwd = "none"'),
      ...entry('slow', 'program = "sleep"', 'args = ["600"]', 'initialize_timeout_sec = 0.1'),
    );
    for (const id of ['exits', 'speaks', 'missing', 'directory', 'slow']) {
      const { stdout, stderr, end } = await textOf('run', '--environment', id, '--', 'true');
      expect({ id, end }).to.deep.equal({ id, end: 255 });
      expect(stdout + stderr)
        .to.contain(`could not connect to ${id}`)
        .and.not.contain(PLANTED);
    }
  });
});

describe('exec-server environments', () => {
  const ALL = [
    'default = "devbox"',
    ...DEVBOX,
    ...['[[environments]]', 'id = "cloud"', `url = "wss://me:${PLANTED}@host"`],
    ...['[[environments]]', 'id = "gone"', 'program = "no-such-program"', `env = { A = "${PLANTED}" }`],
    ...['[[environments]]', 'id = "file"', 'program = "./environments.toml"', 'cwd = "."'],
    ...['[[environments]]', 'id = "homeless"', 'program = "env"', 'cwd = "none"'],
  ];

  it('lists environments with known problems', async () => {
    environments(...ALL);
    expect(await textOf('environments')).to.deep.equal({
      stdout: [
        'ID        PROGRAM              PROBLEM',
        'local     this machine',
        'devbox    env',
        'cloud     url                  url is not supported',
        'gone      no-such-program      the program was not found',
        'file      ./environments.toml  the program is not executable',
        `homeless  env                  cannot enter the working directory ${home}/none: no such file or directory`,
        `default for Codex: devbox (${file})`,
        '',
      ].join('\n'),
      stderr: '',
      end: 0,
    });
  });

  it('prints one line of JSON with --json', async () => {
    environments('include_local = false', 'default = "none"', ...ALL.slice(1, 8));
    const { stdout, end } = await textOf('environments', '--json');
    expect(end).to.equal(0);
    expect(stdout.split('\n')).to.have.lengthOf(2);
    expect(JSON.parse(stdout)).to.deep.equal({
      file,
      default: null,
      environments: [
        { id: 'devbox', kind: 'program', program: 'env' },
        { id: 'cloud', kind: 'url', problem: 'url is not supported' },
      ],
    });
  });

  it('lists this machine without a file', async () => {
    expect((await textOf('environments')).stdout).to.equal(
      `ID     PROGRAM       PROBLEM\nlocal  this machine\ndefault for Codex: local (${file})\n`,
    );
  });

  it('reads the file of --environments-file and reports its errors', async () => {
    const other = join(home, 'other.toml');
    writeFileSync(other, 'default = 1');
    expect(await textOf('environments', '--environments-file', other)).to.deep.equal(
      refused(`${other}:1:1: default: expected a string, received a number`),
    );
  });
});

describe('the single file of the server', () => {
  it('does not contain the TOML parser', () => {
    const [server, cli] = ['exec-server.cjs', 'exec-server-cli.cjs'].map(name =>
      readFileSync(join(programPath, '..', name), 'utf8').includes('Unterminated table-key'),
    );
    expect({ server, cli }).to.deep.equal({ server: false, cli: true });
  });
});
