import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { version } from '../../src/protocol/version.ts';
import { ptyUnavailable } from '../../src/server/process/pty/pty-binding.ts';
import { describeWithShell } from '../server/environment/login/support/shells.ts';
import { requireNode } from '../support/node-versions.ts';
import { runCli } from './support/cli.ts';
import { fixturePath, programPath } from './support/program.ts';
import { type ShellHost, startShellHost } from './support/shell-host.ts';
import { describeWithSshd } from './support/sshd.ts';
import { waitForNoSurvivorsIn } from './support/survivors.ts';

const SERVE = `'${process.execPath}' '${programPath}' --stdio`;
const PLANTED = 'planted-value';

type Finding = {
  readonly check: string;
  readonly level: string;
  readonly message: string;
  readonly details?: readonly string[];
  readonly advice?: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  readonly data?: any;
};

/** Runs a command line in sh with `exec-server` in PATH. */
const pasted = (line: string, env: NodeJS.ProcessEnv) => {
  const bin = mkdtempSync(join(tmpdir(), 'exec-server-bin-'));
  try {
    const script = `#!/bin/sh\nexec '${process.execPath}' '${programPath}' "$@"\n`;
    writeFileSync(join(bin, 'exec-server'), script, { mode: 0o755 });
    const PATH = `${bin}:${env.PATH}`;
    return spawnSync('/bin/sh', ['-c', line], { encoding: 'utf8', input: '', env: { ...env, PATH } });
  } finally {
    rmSync(bin, { recursive: true });
  }
};

/** For start-up files in POSIX syntax, which only some login shells of an account can read. */
const withPosixShell = /\/(ba|da|z)?sh$/.test(userInfo().shell ?? '/bin/sh') ? it : it.skip;

describe('exec-server doctor', () => {
  let home: string;
  let env: NodeJS.ProcessEnv;

  before(async () => {
    home = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-doctor-')));
    env = { HOME: home, LANG: 'C.UTF-8', MY_SECRET: PLANTED, PATH: '/usr/local/bin:/usr/bin:/bin' };
    // A test cannot know which directories the profiles of this machine add to PATH.
    const { stdout } = await runCli(['env', '--base', 'loginInteractive', '--include-only', 'PATH'], { env });
    env.PATH = `${env.PATH}:${stdout.toString().trim().slice('PATH='.length)}`;
  });

  after(() => rmSync(home, { recursive: true }));

  const doctor = async (args: readonly string[], more: NodeJS.ProcessEnv = {}) => {
    const { stdout, stderr, end } = await runCli(['doctor', ...args], { env: { ...env, ...more } });
    return { stdout: stdout.toString(), stderr, end };
  };

  /** Findings by check, and the exit code. The output must not contain values. */
  const checked = async (args: readonly string[], more?: NodeJS.ProcessEnv) => {
    const { stdout, stderr, end } = await doctor([...args, '--json'], more);
    expect(stderr).to.equal('');
    expect(stdout).not.to.contain(PLANTED);
    const report = JSON.parse(stdout) as { verdict: string; findings: readonly Finding[] };
    const found = (check: string) => report.findings.find(finding => finding.check === check) as Finding;
    const level = (wanted: string) =>
      report.findings.filter(({ level }) => level === wanted).map(({ check }) => check);
    return { ...report, end, found, level };
  };

  const via = (script: string) => ['--via', script];

  describe('with a healthy server', () => {
    it('reports each check and exits with 0', async () => {
      const { end, verdict, findings, found } = await checked([]);
      expect(findings.map(({ check, level }) => `${check} ${level}`)).to.deep.equal([
        'connection ok',
        'startUpOutput ok',
        'version ok',
        'process ok',
        'shell ok',
        'loginShell ok',
        'path ok',
        'locale ok',
        ptyUnavailable() === undefined ? 'terminal ok' : 'terminal warning',
        'survivors ok',
        'session skipped',
        found('sandbox').data === undefined ? 'sandbox ok' : 'sandbox note',
        'limits note',
      ]);
      expect({ end, verdict }).to.deep.equal(
        ptyUnavailable() === undefined ? { end: 0, verdict: 'ok' } : { end: 1, verdict: 'warning' },
      );
      expect(found('connection').data).to.include({
        platform: process.platform === 'darwin' ? 'macos' : 'linux',
      });
      expect(found('connection').data.firstByteMs).to.be.within(1, found('connection').data.answeredMs);
      expect(found('process').data).to.deep.include({ argv: ['true'], exitCode: 0 });
      expect(found('version').data).to.deep.equal({ client: version, server: version });
      expect(found('locale').data).to.deep.equal({ decides: 'LANG', utf8: true });
      expect(found('path').data.server).to.include('/usr/bin');
      expect(found('limits').data).to.include({ processes: 4096 });
    });

    it('prints a report without colours to a pipe', async () => {
      const { stdout, stderr } = await doctor([]);
      expect(stderr).to.equal('');
      const lines = stdout.split('\n');
      expect(lines.slice(0, 3)).to.deep.equal([
        'exec-server doctor: this machine',
        '',
        lines[2]?.match(
          /^ok {7}connection {7}server on \w+: first byte after \d+ ms, answer after \d+ ms$/,
        )?.[0],
      ]);
      expect(lines).to.include('ok       start-up output  none before the first frame');
      expect(lines).to.include(`ok       version          exec-server ${version} on both sides`);
      expect(stdout).to.match(/^ok {7}process {10}ran true in \d+ ms$/m);
      expect(stdout).to.match(/^ok {7}PATH {13}\d+ directories, including all of the login shell$/m);
      expect(stdout).not.to.contain('\x1b').and.not.to.contain(PLANTED);
    });
  });

  describe('without a server', () => {
    it('reports an unknown host', async () => {
      const { end, findings, found } = await checked(['--ssh', 'no-such-host.invalid']);
      expect(end).to.equal(2);
      expect(findings.map(({ check, level }) => `${check} ${level}`)).to.deep.equal([
        'connection problem',
        'rest skipped',
      ]);
      expect(found('connection').data.likelyCause).to.equal('hostUnknown');
      expect(found('connection').details).to.include('ssh -T -- no-such-host.invalid');
    });

    it('shows the output of another program, with advice', async () => {
      const { stdout, end } = await doctor(via('echo "1) mail"; echo no >&2; exit 4'));
      expect(end).to.equal(2);
      expect(stdout).to.equal(
        [
          'exec-server doctor: echo "1) mail"; echo no >&2; exit 4',
          '',
          'problem  connection       could not connect to echo "1) mail"; echo no >&2; exit 4: /bin/sh exited with code 4',
          '                            no',
          '                          expected a server, received 8 bytes: "1) mail\\n"',
          '                          /bin/sh -c \'echo "1) mail"; echo no >&2; exit 4\'',
          '                          → the command printed something that is not exec-server output (a menu, a',
          '                            banner or a forced command)',
          'skipped  rest             all checks that need a server',
          '',
          '1 problem',
          '',
        ].join('\n'),
      );
    });

    it('waits no longer than --timeout', async () => {
      const { end, found } = await checked([...via('exec sleep 1000'), '--timeout', '0.3']);
      expect(end).to.equal(2);
      expect(found('connection').message).to.contain('no answer to initialize within 0.3 s');
      expect(found('connection').advice).to.contain('--timeout');
    });
  });

  it('cuts and resumes a session of its own', async () => {
    const { found } = await checked(via(`exec ${SERVE}`));
    expect(found('session').level).to.equal('ok');
    expect(found('session').message).to.match(/^survives a lost connection: resumed after \d+ ms$/);
    expect(found('session').data).to.include({ exitCode: 0 });
  });

  describe('with a server that has a problem', () => {
    it('warns of start-up output', async () => {
      const { end, found, level } = await checked(via(`echo Beer; exec ${SERVE}`));
      expect(end).to.equal(1);
      expect(level('warning')).to.include('startUpOutput');
      expect(found('startUpOutput')).to.deep.include({
        details: ['"Beer\\n"'],
        data: { bytes: 5, excerpt: 'Beer\\n' },
      });
      expect(found('startUpOutput').advice).to.contain('[ -t 1 ] &&');
    });

    it('warns of different versions', async () => {
      const other = version.replace(/\d/g, '9');
      const { end, found } = await checked(
        via(`exec node '${fixturePath('rewrites-frames.js')}' ${version} ${other} ${SERVE}`),
        { PATH: `${dirname(process.execPath)}:${env.PATH}` },
      );
      expect(end).to.equal(1);
      expect(found('version')).to.deep.include({
        level: 'warning',
        message: `exec-server ${version} here, ${other} on the server`,
        data: { client: version, server: other },
      });
    });

    it('lists directories that only an interactive shell adds to PATH', async () => {
      const nvm = join(home, 'with nvm');
      mkdirSync(nvm);
      const rc = 'case $- in *i*) ;; *) return;; esac\nPATH="/only/in/bashrc:$PATH"; export PATH\n';
      writeFileSync(join(nvm, '.bashrc'), rc);
      writeFileSync(join(nvm, '.zshrc'), rc);
      writeFileSync(join(nvm, '.profile'), '. ~/.bashrc\n');
      writeFileSync(join(nvm, '.login'), 'if ($?prompt) setenv PATH /only/in/bashrc:$PATH\n');
      mkdirSync(join(nvm, '.config/fish'), { recursive: true });
      const fish = 'if status is-interactive; set -gx PATH /only/in/bashrc $PATH; end\n';
      writeFileSync(join(nvm, '.config/fish/config.fish'), fish);
      const { end, found } = await checked([], { HOME: nvm });
      expect(end).to.equal(1);
      expect(found('path')).to.deep.include({ level: 'warning' });
      expect(found('path').data.loginOnly).to.deep.equal(['/only/in/bashrc']);
      expect(found('path').details?.slice(0, 2)).to.deep.equal([
        'only in the login shell:',
        '  /only/in/bashrc',
      ]);
      expect(found('path').advice).to.contain('--base loginInteractive');
    });

    withPosixShell('reports the login shell that failed, with the reason, and continues', async () => {
      const guarded = join(home, 'guarded');
      mkdirSync(guarded);
      // A start-up file that exits in an interactive shell.
      const rc = 'case $- in *i*) exit 3;; esac\n';
      for (const file of ['.profile', '.zshrc']) writeFileSync(join(guarded, file), rc);
      const { end, found } = await checked([], { HOME: guarded });
      expect(end).to.equal(1);
      expect(found('loginShell')).to.deep.include({ level: 'warning' });
      expect(found('loginShell').data.base).to.equal('login');
      expect(found('loginShell').details?.[0]).to.match(/^loginInteractive: .*code 3.* \(\d+ ms\)$/);
      expect(found('path').level).to.equal('ok');
    });

    withPosixShell('reports a check that exceeds --timeout, and continues', async () => {
      const hanging = join(home, 'hanging');
      mkdirSync(hanging);
      for (const file of ['.profile', '.zshenv']) writeFileSync(join(hanging, file), 'sleep 600\n');
      // Less than the server waits for the shell, and much more than the other checks take.
      const { end, found } = await checked([...via(`exec ${SERVE}`), '--timeout', '8'], { HOME: hanging });
      expect(end).to.equal(2);
      expect(found('loginShell')).to.deep.include({ level: 'problem', message: 'no answer within 8 s' });
      expect(found('locale').level).to.equal('ok');
      await waitForNoSurvivorsIn(hanging);
    });

    it('warns if terminals are not available, with the reason', async () => {
      const alone = join(home, 'alone');
      mkdirSync(alone);
      copyFileSync(programPath, join(alone, 'exec-server.cjs'));
      const { end, found } = await checked(
        via(`exec '${process.execPath}' '${alone}/exec-server.cjs' --stdio`),
      );
      expect(end).to.equal(1);
      expect(found('terminal')).to.deep.include({
        level: 'warning',
      });
      expect(found('terminal').details?.join()).to.contain(
        'is loaded only from where exec-server is installed: this is a copy of its file',
      );
      expect(found('terminal').advice).to.contain('the whole package').and.not.contain('npm');
    });

    const locales: Array<[title: string, more: NodeJS.ProcessEnv, message: string]> = [
      ['no variable', { LANG: '' }, 'not UTF-8: none of LC_ALL, LC_CTYPE, LANG is set'],
      ['LC_ALL over LANG', { LC_ALL: 'C' }, 'not UTF-8: LC_ALL selects another character set'],
    ];
    for (const [title, more, message] of locales) {
      it(`warns of a locale without UTF-8, selected by ${title}`, async () => {
        const { end, found } = await checked(via(`exec ${SERVE}`), more);
        expect(end).to.equal(1);
        expect(found('locale')).to.deep.include({ level: 'warning', message });
      });
    }

    it('reports a server without PATH', async () => {
      const { end, found } = await checked(via(`unset PATH; exec ${SERVE}`));
      expect(end).to.equal(2);
      expect(found('path')).to.deep.include({ level: 'problem', message: 'the server has no PATH' });
    });

    it('warns of a check that an older server does not support', async () => {
      const rewrite = `exec '${process.execPath}' '${fixturePath('rewrites-frames.js')}'`;
      const { end, found } = await checked(
        via(`${rewrite} environment/explain environment/explaiN ${SERVE}`),
      );
      expect(end).to.equal(1);
      expect(found('loginShell')).to.deep.include({
        level: 'warning',
        message: 'not supported by this server',
        advice: 'install the same version of exec-server on both sides',
      });
      expect(found('locale').level).to.equal('ok');
    });

    it('warns of a host that ends a session with its connection, with the reason', async () => {
      const bin = join(home, 'systemd');
      mkdirSync(bin);
      writeFileSync(join(bin, 'busctl'), '#!/bin/sh\necho "b true"\n', { mode: 0o755 });
      const killing = `exec 3<&0; trap 'kill -9 $!; exit 1' HUP; ${SERVE} <&3 & wait`;
      const { end, found } = await checked(via(killing), { PATH: `${bin}:${env.PATH}` });
      expect(end).to.equal(1);
      expect(found('session')).to.deep.include({
        level: 'warning',
        message: 'does not survive a lost connection',
        data: { killUserProcesses: true },
      });
      expect(found('session').advice)
        .to.contain('KillUserProcesses=yes')
        .and.contain('loginctl enable-linger');
    });

    it('notes a host without a private directory for sessions', async () => {
      const nowhere = 'XDG_CACHE_HOME=/dev/null XDG_RUNTIME_DIR= TMPDIR=/dev/null';
      const { found } = await checked(via(`${nowhere} exec ${SERVE}`));
      expect(found('session')).to.deep.include({
        level: 'note',
        message: 'does not survive a lost connection: run --keep has no effect',
      });
      expect(found('session').data.unavailable).to.contain('no private directory for a socket');
    });

    it('warns if a second connection cannot be opened', async () => {
      const once = join(home, 'once');
      const { found } = await checked(via(`mkdir '${once}' 2>/dev/null || exit 4; exec ${SERVE}`));
      expect(found('session')).to.deep.include({ level: 'warning' });
      expect(found('session').details?.join()).to.contain('/bin/sh exited with code 4');
      expect(found('limits').level).to.equal('note');
    });

    it('stops when the connection is lost', async () => {
      // The server receives initialize, initialized and the beginning of a start.
      const { end, findings } = await checked(via(`dd bs=1 count=400 2>/dev/null | exec ${SERVE}`));
      expect(end).to.equal(2);
      expect(findings.map(({ check, level }) => `${check} ${level}`)).to.deep.equal([
        'connection ok',
        'startUpOutput ok',
        'version ok',
        'process problem',
        'rest skipped',
      ]);
    });
  });

  it('checks an environment of a file without printing its arguments', async () => {
    const codexHome = join(home, 'codex');
    mkdirSync(codexHome);
    const entry = (id: string, script: string) =>
      `[[environments]]\nid = "${id}"\nprogram = "/bin/sh"\nargs = ["-c", ${JSON.stringify(script)}]\n`;
    const file = entry('good', `: ${PLANTED}; exec ${SERVE}`) + entry('bad', `: ${PLANTED}; exit 4`);
    writeFileSync(join(codexHome, 'environments.toml'), file);
    const good = await checked(['--environment', 'good'], { CODEX_HOME: codexHome });
    expect(good.found('connection')).to.deep.include({
      level: 'ok',
      details: ['/bin/sh (arguments in environments.toml are not shown)'],
    });
    const bad = await checked(['--environment', 'bad'], { CODEX_HOME: codexHome });
    expect(bad.end).to.equal(2);
    expect(bad.found('connection').message).to.equal('could not connect to bad: /bin/sh exited with code 4');
  });

  it('prints a command that can be pasted into a shell', async () => {
    const script = `printf '%s|' "it's" 'a  b' >&2; exit 7`;
    const { found } = await checked(via(script));
    const command = found('connection').details?.at(-1) ?? '';
    expect(pasted(command, env)).to.include({ status: 7, stderr: "it's|a  b|" });
  });

  it('ends silently when the reader of its output has closed it', () => {
    const line = 'exec 3>&1; { exec-server doctor 2>&3; echo $? >&3; } | true';
    expect(pasted(line, env).stdout).to.equal('141\n');
  });

  describe('with a usage error', () => {
    for (const args of [['--frob'], ['--timeout', '0'], ['--ssh', 'a', '--via', 'b']]) {
      it(`exits with 2 for ${args.join(' ')}`, async () => {
        const { stdout, stderr, end } = await doctor(args);
        expect({ stdout, end }).to.deep.equal({ stdout: '', end: 2 });
        expect(stderr).to.match(/^exec-server: [^\n]+\n$/);
      });
    }
  });
});

/** Options for a server that is in the PATH of the host. */
const INSTALLED = ['--remote-command', 'exec-server --stdio'];

describeWithSshd('exec-server doctor --ssh', () => {
  let host: ShellHost;

  before(async () => {
    host = await startShellHost();
  });

  after(() => host.stop());

  const doctor = async (env: NodeJS.ProcessEnv, ...args: string[]) => {
    const { stdout, end } = await runCli(['doctor', '--ssh', 'devbox', ...args], { env });
    return { stdout: stdout.toString(), end };
  };

  describeWithShell('bash', 'with bash on the host', ({ path }) => {
    it('makes the same checks as on this machine', async () => {
      const { stdout, end } = await doctor(host.account(path, { '.bashrc': 'echo Beer\n' }));
      expect(end).to.equal(1);
      expect(stdout).to.match(/^ok {7}connection {7}server on /m);
      expect(stdout).to.match(
        /^warning {2}start-up output {2}5 bytes before the first frame\n {26}"Beer\\n"\n/m,
      );
      expect(stdout).to.contain(`ok       shell            bash, ${path}\n`);
    });

    // nvm and similar tools add their directories in .bashrc, for interactive shells.
    const nvm = (systemPath: string) => ({
      '.bashrc': `case $- in *i*) PATH="${dirname(process.execPath)}:${host.path}";; *) PATH="${systemPath}";; esac\n`,
      '.profile': '. ~/.bashrc\n',
    });
    for (const [title, options, oldNode] of [
      ['exec-server', INSTALLED, undefined],
      ['Node', ['--remote-program', programPath], undefined],
      ['a new Node', ['--remote-program', programPath], '18'],
    ] as const) {
      it(`prints the command line that works if only a login shell finds ${title}`, async function () {
        const systemPath = oldNode === undefined ? '/nonexistent/bin' : dirname(requireNode(this, oldNode));
        const env = host.account(path, nvm(systemPath));
        const { stdout, end } = await doctor(env, ...options);
        expect(end).to.equal(2);
        const [, line = ''] = /This works: `(.+)`/.exec(stdout.replace(/\n {28}/g, ' ')) ?? [];
        expect(line).to.match(/^exec-server doctor --ssh devbox --remote-command 'exec \$SHELL -lic /);
        const again = pasted(line, env);
        expect(again.stdout).to.match(/^ok {7}connection {7}server on /m);
        expect(again.status).to.be.oneOf([0, 1]);
      });
    }

    it('prints the advice of the cause if no shell finds the server', async () => {
      const { stdout } = await doctor(
        host.account(path, { '.bashrc': 'PATH=/nonexistent/bin\n', '.profile': '. ~/.bashrc\n' }),
        ...INSTALLED,
      );
      expect(stdout).to.contain('→ exec-server was not found in').and.not.contain('This works');
    });

    it('reports that the server is not installed, and the option for its path', async () => {
      const { stdout, end } = await doctor(host.account(path), '--remote-program', '/no/such/exec-server');
      expect(end).to.equal(2);
      expect(stdout).to.match(
        /^problem {2}connection {7}could not connect to devbox: ssh exited with code 127$/m,
      );
      expect(stdout)
        .to.contain('→ /no/such/exec-server does not exist there; specify the path')
        .and.contain('--remote-program');
    });
  });
});
