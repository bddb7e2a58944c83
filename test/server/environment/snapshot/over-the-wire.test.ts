import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { MAX_SNAPSHOTS } from '../../../../src/server/environment/snapshot/limits.ts';
import { currentHost } from '../../../../src/server/index.ts';
import { requireSandbox } from '../../../e2e/support/sandboxes.ts';
import { waitForNoSurvivorsIn } from '../../../e2e/support/survivors.ts';
import { until } from '../../../support/until.ts';
import { makeHome, removeHome } from '../login/support/homes.ts';
import { LineClient } from '../login/support/line-client.ts';
import { describeWithShell, type TestShell } from '../login/support/shells.ts';

const LONG_MS = 50_000;
const PATH = '/usr/local/bin:/usr/bin:/bin';

/** A server whose account has these files, and what its processes print. */
class Account {
  readonly home: string;
  readonly client: LineClient;
  #next = 1;

  constructor(files: Readonly<Record<string, string>>, { loginShellMs = LONG_MS, env = {} } = {}) {
    this.home = makeHome(files);
    const host = { ...currentHost({}, () => {}), env: { PATH, HOME: this.home, ...env }, homeDir: this.home };
    this.client = new LineClient({ host, loginShellMs });
  }

  /** Waits until the files are older than the tick of the clock, after which a snapshot of them is kept. */
  async settle(): Promise<void> {
    const files = readdirSync(this.home).map(name => join(this.home, name));
    await until(
      () => files.every(file => statSync(file).ctimeMs < Date.now() - 50),
      'the files are not older than a tick',
    );
  }

  /** Runs a command by a login shell. */
  async run(shell: Shell, command: string, more: object = {}): Promise<string> {
    const processId = await this.start(shell, command, more);
    return this.client.output(processId);
  }

  async start({ path, name }: Shell, command: string, more: object = {}): Promise<string> {
    const processId = `p${this.#next++}`;
    const answer = await this.client.ask('process/start', {
      processId,
      argv: [path, '-lc', command],
      cwd: this.home,
      env: {},
      envPolicy: {},
      shellSnapshot: { scopeId: 'scope', shell: { name, path } },
      ...more,
    });
    if (answer.error !== undefined) throw new Error(answer.error.message);
    return processId;
  }

  /** Times that the start-up files were read. */
  get reads(): number {
    const file = join(this.home, 'reads');
    return existsSync(file) ? readFileSync(file, 'utf8').length : 0;
  }

  async dispose(): Promise<void> {
    await this.client.server.stop('the test is over');
    if (process.platform === 'linux') await waitForNoSurvivorsIn(this.home);
    removeHome(this.home);
  }
}

type Shell = { readonly name: string; readonly path: string };

const PLAIN = { shellSnapshot: null };

/** A line that counts a read of the file. */
const COUNT = 'printf x >>"$HOME/reads"';

/** Open files without a name in this process that are snapshots. */
const snapshotsHere = (): string[] =>
  readdirSync('/proc/self/fd')
    .map(fd => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    })
    .filter(link => /\/exec-server-[0-9a-f-]{36} \(deleted\)$/.test(link));

const FILES: Readonly<Record<string, string>> = { bash: '.bash_profile', zsh: '.zprofile', sh: '.profile' };

const COMMON = [
  COUNT,
  `export QUOTED="it's 
two $ \\\\ lines"`,
  "unexported='a b'",
  'PATH="$HOME/bin:$PATH"; export PATH',
  'unset GONE',
  'umask 027',
  "trap 'echo trapped' USR1",
  "alias greet='echo hello'",
];

const PROFILES: Readonly<Record<string, readonly string[]>> = {
  bash: [
    ...COMMON,
    'shopt -s expand_aliases extglob; set -o pipefail',
    'pick() { case $1 in @(a|b)) echo "picked $1" ;; esac; }; export -f pick',
    "declare -A table=([key]='the value'); list=(1 '2 3'); readonly fixed=1",
    "odd=$'\\xff\\x01'",
  ],
  zsh: [
    ...COMMON,
    'setopt extended_glob rc_quotes; autoload -Uz is-at-least',
    'pick() { case $1 in (a|b) echo "picked $1" ;; esac }',
    "typeset -A table=(key 'the value'); list=(1 '2 3'); typeset -r fixed=1; fpath=(/nowhere $fpath)",
    "odd=$'\\xff\\x01'; alias -g ALSO='and more'",
  ],
  sh: [...COMMON, 'set -f'],
};

const PROBE = [
  'greet',
  `echo "$QUOTED|$unexported|$PATH|\${GONE-gone}|$odd"`,
  'umask; trap; set +o | grep -v login',
  'kill -USR1 $$',
  'env | sort | grep -v -e "^_=" -e "^BASH_EXECUTION"',
];

const PROBES: Readonly<Record<string, readonly string[]>> = {
  bash: [
    ...PROBE,
    `pick a; bash -c "pick b"; echo "\${table[key]} \${list[1]}"; shopt | grep -v login_shell; declare -p fixed`,
  ],
  zsh: [
    ...PROBE,
    'is-at-least 4.2 5.9 && echo newer',
    `pick a; echo ALSO "\${table[key]} \${list[2]} \${fpath[1]}" 'it''s'; set -o | grep -v login; typeset -p fixed`,
  ],
  sh: PROBE,
};

(process.platform === 'linux' ? describe : describe.skip)('shell snapshots', () => {
  const accounts: Account[] = [];
  const open = (...args: ConstructorParameters<typeof Account>): Account => {
    const account = new Account(...args);
    accounts.push(account);
    return account;
  };

  afterEach(async () => {
    for (const account of accounts.splice(0)) await account.dispose();
  });

  const everyShell = (title: string, test: (shell: Shell, context: Mocha.Context) => Promise<void>) => {
    for (const name of ['bash', 'zsh', 'dash'] as const) {
      describeWithShell(name, `of ${name}`, ({ path }: TestShell) => {
        it(title, function () {
          return test({ name: name === 'dash' ? 'sh' : name, path }, this);
        });
      });
    }
  };

  everyShell('restore what the start-up files did, which are read once', async shell => {
    const account = open(
      { [FILES[shell.name] as string]: `${PROFILES[shell.name]?.join('\n')}\n` },
      { env: { GONE: '1' } },
    );
    const probe = PROBES[shell.name]?.join('\n') ?? '';
    const plain = await account.run(shell, probe, PLAIN);
    expect(plain).to.include('hello').and.include('trapped').and.include("it's \ntwo $ \\ lines|a b|");
    await account.settle();
    expect(account.reads).to.equal(1);
    const lines = (text: string) => text.split('\n').sort();
    for (const _ of [1, 2, 3]) expect(lines(await account.run(shell, probe))).to.deep.equal(lines(plain));
    expect(account.client.log).to.deep.equal([]);
    expect(account.reads).to.equal(2);
  });

  everyShell('are used on a terminal', async shell => {
    const account = open({ [FILES[shell.name] as string]: `${COUNT}\nexport A=from-profile\n` });
    await account.settle();
    await account.run(shell, 'true');
    expect(await account.run(shell, 'tty >/dev/null && echo "$A"', { tty: true })).to.equal(
      'from-profile\r\n',
    );
    expect(account.reads).to.equal(1);
  });

  everyShell('leave no descriptor to the command', async shell => {
    const account = open({ [FILES[shell.name] as string]: `${COUNT}\n` });
    const command = 'exec ls /proc/self/fd';
    const plain = await account.run(shell, command, PLAIN);
    await account.run(shell, command);
    expect(await account.run(shell, command)).to.equal(plain);
  });

  everyShell('are captured again when a start-up file has changed, or one that it reads', async shell => {
    const file = FILES[shell.name] as string;
    const account = open({ [file]: `${COUNT}\nDIR=$HOME; . "$HOME/more" # a file\n`, more: 'A=1\n' });
    await account.settle();
    expect(await account.run(shell, 'echo $A')).to.equal('1\n');
    writeFileSync(join(account.home, 'more'), 'A=2\n');
    await account.settle();
    expect(await account.run(shell, 'echo $A')).to.equal('2\n');
    appendFileSync(join(account.home, file), 'A=3\n');
    await account.settle();
    expect(await account.run(shell, 'echo $A')).to.equal('3\n');
    expect(account.reads).to.equal(3);
    expect(await account.run(shell, 'echo $A')).to.equal('3\n');
    expect(account.reads).to.equal(3);
  });

  everyShell('are used in a sandbox, which they are captured in', async (shell, context) => {
    requireSandbox(context);
    const account = open({ [FILES[shell.name] as string]: `${COUNT}\nexport A=from-profile\n` });
    const sandbox = {
      permissions: {
        type: 'managed',
        file_system: {
          type: 'restricted',
          entries: [
            { path: { type: 'special', value: { kind: 'root' } }, access: 'read' },
            { path: { type: 'path', path: account.home }, access: 'write' },
          ],
        },
        network: 'restricted',
      },
    };
    await account.settle();
    for (const _ of [1, 2])
      expect(await account.run(shell, 'echo "$A"; ls /proc/self/fd | wc -l', { sandbox })).to.equal(
        'from-profile\n4\n',
      );
    expect(account.client.log).to.deep.equal([]);
    expect(account.reads).to.equal(1);
  });

  describeWithShell('bash', 'of bash', ({ path }) => {
    const bash = { name: 'bash', path };

    it('have no variable that the policy excludes', async () => {
      const profile = [COUNT, 'export MY_TOKEN=planted PRIVATE_A=planted B=kept', 'api_key=planted'];
      const account = open({ '.bash_profile': `${profile.join('\n')}\n` });
      const command = 'echo "$MY_TOKEN|$PRIVATE_A|$B|$api_key"';
      const envPolicy = { exclude: ['PRIVATE_*'] };
      expect(await account.run(bash, command, { envPolicy })).to.equal('||kept|\n');
      const all = { envPolicy: { ignoreDefaultExcludes: true } };
      expect(await account.run(bash, command, all)).to.equal('planted|planted|kept|planted\n');
      expect(account.client.log).to.deep.equal([]);
    });

    it('never have the names that lead to the identity of the server', async () => {
      const account = open({ '.bash_profile': 'export OPENAI_IDENTITY_TOKEN_FILE=planted\n' });
      expect(
        await account.run(bash, 'echo "$OPENAI_IDENTITY_TOKEN_FILE"', { envPolicy: null, env: { PATH } }),
      ).to.equal('\n');
    });

    it('leave variables that differ from command to command as they are', async () => {
      const account = open({ '.bash_profile': `${COUNT}\n` });
      await account.settle();
      for (const id of ['one', 'two'])
        expect(
          await account.run(bash, 'echo $CODEX_TOOL_CALL_ID', { env: { CODEX_TOOL_CALL_ID: id } }),
        ).to.equal(`${id}\n`);
      expect(account.reads).to.equal(1);
    });

    it('do not differ by the order of variables', async () => {
      const account = open({ '.bash_profile': `${COUNT}\n` });
      await account.settle();
      const variables = { A: '1', B: '2' };
      const reversed = { B: '2', A: '1' };
      for (const [env, set] of [
        [variables, variables],
        [reversed, variables],
        [variables, reversed],
      ])
        expect(await account.run(bash, 'echo $A$B', { env, envPolicy: { set } })).to.equal('12\n');
      expect(account.reads).to.equal(1);
    });

    it('differ by environment, directory and scope', async () => {
      const account = open({ '.bash_profile': `${COUNT}\nB="$A $PWD"\n` });
      await account.settle();
      const cases = [{ env: { A: '1' } }, { env: { A: '2' } }, { cwd: '/' }];
      for (const more of [...cases, ...cases])
        expect(await account.run(bash, 'echo "$B"', more)).to.equal(
          await account.run(bash, 'echo "$A $PWD"', more),
        );
      expect(account.reads).to.equal(cases.length);
      await account.run(bash, 'true', { shellSnapshot: { scopeId: 'other', shell: bash } });
      expect(account.reads).to.equal(cases.length + 1);
    });

    it('pass the arguments of a command on', async () => {
      const account = open({ '.bash_profile': `${COUNT}\n` });
      const argv = [path, '-lc', 'echo "$0 $1 $#"', 'name', 'a b'];
      for (const _ of [1, 2]) expect(await account.run(bash, '', { argv })).to.equal('name a b 1\n');
    });

    const fallbacks: ReadonlyArray<readonly [title: string, profile: string, reason: string]> = [
      ['changes its directory', 'cd /', 'bash changed its directory'],
      ['changes its resource limits', 'ulimit -c 0; ulimit -n 200', 'bash changed its resource limits'],
      ['replaces a builtin', 'builtin() { :; }', 'bash printed a part of its state only'],
      [
        'becomes another program',
        'exec /bin/sh -c true',
        'bash exited with code 0 without printing its state',
      ],
      [
        'has more state than the limit',
        'big=$(printf %1100000s x)',
        'its state is larger than 1048576 bytes',
      ],
    ];
    for (const [title, profile, reason] of fallbacks) {
      it(`are not used for a shell that ${title}`, async () => {
        const account = open({ '.bash_profile': `export A=1\n${profile}\n` });
        await account.settle();
        const command = 'echo "$A $PWD"; ulimit -n';
        const plain = await account.run(bash, command, PLAIN);
        for (const _ of [1, 2]) expect(await account.run(bash, command)).to.equal(plain);
        await account.run(bash, command, { env: { OTHER: '1' } });
        const [line = '', ...others] = account.client.log;
        expect(others).to.deep.equal([]);
        const [, logged = ''] = /^no snapshot of \S+, running its start-up files: (.*)$/.exec(line) ?? [];
        expect(logged).to.equal(reason);
      });
    }

    it('are not used for a shell that does not answer in time', async () => {
      const profile = 'case $BASH_EXECUTION_STRING in *EXEC_SERVER_MARK*) sleep 600 ;; esac\n';
      const account = open({ '.bash_profile': profile }, { loginShellMs: 500 });
      expect(await account.run(bash, 'echo ran')).to.equal('ran\n');
      expect(account.client.log).to.deep.equal([
        `no snapshot of ${path}, running its start-up files: bash did not answer within 500 ms`,
      ]);
    });

    it('are not used for other commands, shells and names', async () => {
      const account = open({ '.bash_profile': `${COUNT}\n` });
      const other = { argv: [path, '-l', '-c', 'echo ran'] };
      for (const more of [
        other,
        { shellSnapshot: { scopeId: 'a', shell: { name: 'fish', path } } },
        { arg0: '-bash' },
      ])
        expect(await account.run(bash, 'echo ran', more)).to.equal('ran\n');
      expect(account.reads).to.equal(3);
      expect(account.client.log).to.deep.equal([]);
    });

    it('are not used for a command that has no room for more in its argument', async () => {
      const account = open({ '.bash_profile': `${COUNT}\n` });
      const command = `echo ran #${'x'.repeat(128 * 1024 - 12)}`;
      for (const _ of [1, 2]) expect(await account.run(bash, command)).to.equal('ran\n');
      expect(account.client.log).to.deep.equal([]);
    });

    it('are shared by commands that start at the same time', async () => {
      const account = open({ '.bash_profile': `${COUNT}\nexport A=1\n` });
      await account.settle();
      const outputs = await Promise.all(Array.from({ length: 8 }, () => account.run(bash, 'echo $A')));
      expect(outputs).to.deep.equal(Array(8).fill('1\n'));
      expect(account.reads).to.equal(1);
    });

    it('are limited in number, and their files end with the session', async () => {
      const before = snapshotsHere().length;
      const account = open({ '.bash_profile': `${COUNT}\n` });
      await account.settle();
      const run = (scope: number) =>
        account.run(bash, 'true', { shellSnapshot: { scopeId: `scope ${scope}`, shell: bash } });
      for (let scope = 0; scope <= MAX_SNAPSHOTS; scope += 1) await run(scope);
      expect(snapshotsHere().length - before).to.equal(MAX_SNAPSHOTS);
      await run(1);
      expect(account.reads).to.equal(MAX_SNAPSHOTS + 1);
      await run(0);
      expect(account.reads).to.equal(MAX_SNAPSHOTS + 2);
      await account.client.server.stop('the test is over');
      expect(snapshotsHere().length).to.equal(before);
    });

    it('let a start be cancelled while they are captured', async () => {
      const account = open({
        '.bash_profile': `: >"$HOME/ready"; until [ -e "$HOME/go" ]; do sleep 0.05; done\n${COUNT}\n`,
      });
      const starting = account.start(bash, 'true', {}).catch((error: Error) => error.message);
      await until(() => existsSync(join(account.home, 'ready')), 'the start-up file is not read');
      await account.client.ask('process/terminate', { processId: 'p1' });
      expect(await starting).to.match(/^process p1 was terminated before/);
      writeFileSync(join(account.home, 'go'), '');
      expect(await account.run(bash, 'echo ran')).to.equal('ran\n');
    });

    it('leave no shell behind when the connection ends while they are captured', async () => {
      const account = open({
        '.bash_profile': ': >"$HOME/ready"; until [ -e "$HOME/go" ]; do sleep 0.05; done\n',
      });
      const starting = account.start(bash, 'true', {}).catch(() => 'failed');
      await until(() => existsSync(join(account.home, 'ready')), 'the start-up file is not read');
      const stopping = account.client.server.stop('the test is over');
      writeFileSync(join(account.home, 'go'), '');
      await stopping;
      expect(await starting).to.equal('failed');
    });
  });

  describeWithShell('dash', 'of sh', ({ path }) => {
    it('are not used where the start-up files leave functions, which cannot be listed', async () => {
      const sh = { name: 'sh', path };
      const account = open({ '.profile': 'kept() { echo called; }\ngone() { :; }\nunset -f gone\n' });
      expect(await account.run(sh, 'kept')).to.equal('called\n');
      expect(account.client.log).to.deep.equal([
        `no snapshot of ${path}, running its start-up files: sh has functions, which it cannot print`,
      ]);
      writeFileSync(join(account.home, '.profile'), `${COUNT}\ngone() { :; }\nunset -f gone\n`);
      await account.settle();
      for (const _ of [1, 2]) await account.run(sh, 'true');
      expect(account.reads).to.equal(1);
    });
  });
});
