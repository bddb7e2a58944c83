import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MAX_EXPLAINED_NAMES } from '../../src/protocol/limits.ts';
import { runCli } from './support/cli.ts';
import { programPath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';
const env = {
  PATH,
  HOME: '/home/me',
  LANG: 'de_DE.UTF-8',
  MY_TOKEN: 'planted-1',
  DATABASE_URL: 'postgres://me:planted-2@db/app',
};

const explain = async (...args: string[]) => {
  const { stdout, stderr, end } = await runCli(['env', '--explain', ...args], { env });
  return { text: stdout.toString(), stderr, end };
};

const TABLE = `base: process
NAME          OUTCOME  WHY
CI            set      by the policy
DATABASE_URL  removed  by secretValues: url-password
HOME          removed  by exclude pattern HO*
LANG          kept     by keepLocale, whatever the overlay says
LC_ALL        removed  by keepLocale, whatever the overlay says
MY_TOKEN      removed  by default exclude pattern *TOKEN*
PATH          kept
TERM          set      by the overlay
2 kept, 4 removed, 2 set
`;

// Each step decides about some name.
const STEPS = [
  ...['--exclude', 'HO*', '--secret-values', '--set', 'CI=planted', '--keep-locale', '--env', 'TERM=planted'],
  ...['--env', 'LANG=planted', '--env', 'LC_ALL=planted'],
];

describe('exec-server env --explain', () => {
  const remote = ['--via', `exec '${process.execPath}' '${programPath}' --stdio`];

  for (const [where, place] of [
    ['on this machine, where the client applies the policy', []],
    ['on another, where the server applies it', remote],
  ] as const) {
    it(`explains for each variable which step decided, ${where}`, async () => {
      const { text, stderr, end } = await explain(...STEPS, ...place);
      // Without the variables that the shell of the transport adds.
      const lines = text.split('\n').filter(line => !/^(PWD|OLDPWD|SHLVL|_) |^CODEX_/.test(line));
      expect({ stderr, end }).to.deep.equal({ stderr: '', end: 0 });
      expect(lines.slice(0, -2)).to.deep.equal(TABLE.split('\n').slice(0, -2));
      expect(text).to.match(/\n\d+ kept, 4 removed, [23] set\n$/);
    });
  }

  describe('with a config.toml', () => {
    let folder: string;
    let file: string;

    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'explain-test-'));
      file = join(folder, 'config.toml');
      writeFileSync(file, '[shell_environment_policy]\nexclude = ["HO*"]\nset = { CI = "1" }\n');
    });

    after(() => rmSync(folder, { recursive: true }));

    const names = ['MY_TOKEN', 'HOME', 'CI', 'PATH'];

    it('names the file as the reason', async () => {
      const { text, stderr, end } = await explain(...names, '--config', file);
      expect({ stderr, end }).to.deep.equal({ stderr: '', end: 0 });
      expect(text.split('\n').slice(1, -2)).to.deep.equal([
        'NAME      OUTCOME  WHY',
        `MY_TOKEN  kept     despite default exclude pattern *TOKEN* (${file})`,
        `HOME      removed  by exclude pattern HO* (${file})`,
        `CI        set      by the policy (${file})`,
        'PATH      kept',
      ]);
      const { variables } = JSON.parse((await explain(...names, '--config', file, '--json')).text);
      expect(variables).to.deep.equal({
        MY_TOKEN: { outcome: 'kept', config: file },
        HOME: { outcome: 'removed', by: 'exclude', pattern: 'HO*', config: file },
        CI: { outcome: 'set', by: 'policy', config: file },
        PATH: { outcome: 'kept' },
      });
    });

    it('names options as before if they override it', async () => {
      const options = ['--no-ignore-default-excludes', '--exclude', 'HOM*', '--set', 'CI=2'];
      const { text } = await explain(...names, '--config', file, ...options);
      expect(text.split('\n').slice(2, -2)).to.deep.equal([
        'MY_TOKEN  removed  by default exclude pattern *TOKEN*',
        'HOME      removed  by exclude pattern HOM*',
        'CI        set      by the policy',
        'PATH      kept',
      ]);
    });

    it('warns of unknown keys, or fails with --strict-config', async () => {
      const misspelt = join(folder, 'misspelt.toml');
      writeFileSync(misspelt, '[shell_environment_policy]\nexclud = ["planted"]\n');
      const line = `${misspelt}:2:1: shell_environment_policy: unknown key \`exclud\`, did you mean \`exclude\`?`;
      const { stderr, end } = await explain('PATH', '--config', misspelt);
      expect({ stderr, end }).to.deep.equal({ stderr: `exec-server: warning: ${line}\n`, end: 0 });
      expect((await explain('PATH', '--config', misspelt, '--quiet')).stderr).to.equal('');
      const strict = await explain('PATH', '--config', misspelt, '--strict-config');
      expect(strict.end).to.equal(2);
      expect(strict.stderr).to.contain(line).and.not.contain('planted').and.not.contain('warning');
    });
  });

  it('lists the given names in order, and counts all', async () => {
    expect(await explain('PATH', 'NOWHERE', 'MY_TOKEN', ...STEPS)).to.deep.equal({
      text: `base: process
NAME      OUTCOME  WHY
PATH      kept
NOWHERE   absent
MY_TOKEN  removed  by default exclude pattern *TOKEN*
2 kept, 4 removed, 3 set
`,
      stderr: '',
      end: 0,
    });
  });

  it('prints one line of JSON with --json', async () => {
    for (const place of [[], remote]) {
      const { text, end } = await explain('--json', 'PATH', 'MY_TOKEN', '--inherit', 'core', ...place);
      expect(text.endsWith('}\n') && text.indexOf('\n') === text.length - 1).to.equal(true);
      const { counts, ...rest } = JSON.parse(text);
      expect(rest).to.deep.equal({
        base: { base: 'process', attempts: [] },
        variables: { PATH: { outcome: 'kept' }, MY_TOKEN: { outcome: 'removed', by: 'inherit' } },
      });
      expect(counts).to.include({ kept: 3, set: 0 });
      expect(end).to.equal(0);
    }
  });

  it('names the base, or why a better one failed', async () => {
    const { text } = await explain('--base', 'loginInteractive', 'HOME');
    expect(text.split('\n')[0]).to.match(
      /^base: (loginInteractive|(login|process) \(loginInteractive failed: .+\))$/,
    );
  });

  it('uses colours on a terminal unless NO_COLOR is set', async () => {
    const command = `exec '${process.execPath}' '${programPath}' env --explain MY_TOKEN`;
    const onTerminal = async (more: object) => {
      const child = spawn('script', ['-qec', command, '/dev/null'], {
        env: { ...env, SHELL: '/bin/sh', TERM: 'xterm', ...more },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let screen = '';
      child.stdout.on('data', (chunk: Buffer) => {
        screen += chunk;
      });
      await once(child, 'close');
      return screen.split('\r\n')[2];
    };
    expect(await onTerminal({})).to.equal(
      'MY_TOKEN  \x1b[31mremoved\x1b[39m  by default exclude pattern *TOKEN*',
    );
    expect(await onTerminal({ NO_COLOR: '1' })).to.equal(
      'MY_TOKEN  removed  by default exclude pattern *TOKEN*',
    );
  });

  const wrong: Array<[title: string, args: string[], line: string]> = [
    ['a name without --explain', ['PATH'], "argument 'PATH' requires '--explain'"],
    ['--json without --explain', ['--json'], "option '--json' requires '--explain'"],
    [
      'NUL after values that are not printed',
      ['--explain', '-0'],
      "option '--explain' cannot be used with option '-0, --null'",
    ],
    [
      'an unknown base',
      ['--base', 'bash'],
      "option '--base <base>' argument 'bash' is invalid. Allowed choices are process, login, loginInteractive.",
    ],
  ];
  for (const [title, args, line] of wrong) {
    it(`prints one line about ${title}`, async () => {
      const { stdout, stderr, end } = await runCli(['env', ...args], { env });
      expect({ stdout: stdout.toString(), stderr, end }).to.deep.equal({
        stdout: '',
        stderr: `exec-server: ${line}\n`,
        end: 2,
      });
    });
  }
});

describe('environment/explain', () => {
  let client: RawClient;

  before(async () => {
    client = await RawClient.open({ env });
  });

  after(async () => {
    expect(await client.close()).to.equal(0);
  });

  it('agrees with the environment of a start', async () => {
    const start = {
      envPolicy: { secretValues: true, keepLocale: true, set: { A: '1' } },
      env: { B: '', HOME: null, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' },
    };
    const { variables, counts, base } = await client.request('environment/explain', start);
    // The host has no LC_ALL, so the process gets none.
    expect(variables.LC_ALL).to.deep.equal({ outcome: 'removed', by: 'keepLocale' });
    expect(base).to.deep.equal({ base: 'process', attempts: [] });
    const { environment } = await client.request('process/start', {
      processId: 'p',
      argv: ['/usr/bin/env', '-0'],
      cwd: '/',
      ...start,
    });
    expect(counts).to.deep.equal(environment);
    const { stdout } = await client.finished('p');
    const started = stdout.toString().split('\0').slice(0, -1);
    expect(started).to.have.members([`PATH=${PATH}`, 'LANG=de_DE.UTF-8', 'PWD=/', 'A=1', 'B=']);
    const names = started.map(text => text.split('=')[0]);
    const present = Object.keys(variables).filter(name => ['kept', 'set'].includes(variables[name].outcome));
    expect(present.sort()).to.deep.equal(names.sort());
  });

  it('reports all variables of an exact environment as set, without a base', async () => {
    expect(
      await client.request('environment/explain', { env: { A: '1' }, names: ['A', 'PATH'] }),
    ).to.deep.equal({
      variables: { A: { outcome: 'set', by: 'overlay' }, PATH: { outcome: 'absent' } },
      counts: { kept: 0, removed: 0, set: 1 },
    });
  });

  it('accepts names up to the limit', async () => {
    const names = Array.from({ length: MAX_EXPLAINED_NAMES }, (_, at) => `N${at}`);
    const { variables } = await client.request('environment/explain', { names });
    expect(Object.keys(variables)).to.have.lengthOf(MAX_EXPLAINED_NAMES);
    const { error } = await client.ask('environment/explain', { names: [...names, 'PATH'] });
    expect(error?.message).to.equal('names: expected at most 1000 entries, received an array of 1001');
  });

  it('refuses an answer that is too long, and answers a request with names', async () => {
    const set = Object.fromEntries(
      // Each of these characters has six bytes in JSON.
      Array.from({ length: 10_000 }, (_, at) => [`${'\u0001'.repeat(500)}${at}`, '']),
    );
    const { error } = await client.ask('environment/explain', { envPolicy: { set } });
    expect(error?.data).to.deep.include({
      kind: 'limitExceeded',
      limit: 'explanationBytes',
      max: 4_194_304,
    });
    const { variables } = await client.request('environment/explain', {
      envPolicy: { set },
      names: ['PATH'],
    });
    expect(variables).to.deep.equal({ PATH: { outcome: 'kept' } });
  });

  it('names the invalid field, not its value', async () => {
    const wrong: Array<[params: object, message: string]> = [
      [{ names: 'PATH' }, 'names: expected array, received string'],
      [{ names: [1] }, 'names[0]: expected string, received number'],
      [
        { envPolicy: { base: 'bash' } },
        'envPolicy.base: expected one of "process", "login", "loginInteractive", received another string',
      ],
      [
        { envPolicy: { secretValues: 'planted' } },
        'envPolicy.secretValues: expected boolean, received string',
      ],
      [{ env: { A: 1 } }, 'env.A: expected string, received number'],
    ];
    for (const [params, message] of wrong) {
      expect((await client.ask('environment/explain', params)).error?.message).to.equal(message);
    }
  });

  it('reports the origin of PATH in the error for a missing program', async () => {
    const { error } = await client.ask('process/start', {
      processId: 'none',
      argv: ['no-such-program'],
      cwd: '/',
      envPolicy: { exclude: ['P*'] },
    });
    expect(error?.message).to.equal(
      'program not found: no-such-program (searched /bin:/usr/bin by default; PATH removed by exclude pattern P*)',
    );
    expect(error?.data?.pathFrom).to.deep.equal({
      outcome: 'removed',
      by: 'exclude',
      pattern: 'P*',
      base: 'process',
    });
  });
});
