import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline, Transform } from 'node:stream';
import { expect } from 'chai';
import { hostCommand } from '../../src/core/bootstrap/host-command.ts';
import { packagedServer } from '../../src/core/bootstrap/packaged-files.ts';
import { startOnHost } from '../../src/core/bootstrap/start-on-host.ts';
import type { UploadProgress } from '../../src/core/bootstrap/upload.ts';
import {
  ConnectionLostError,
  type ExecClient,
  inspectHost,
  sshServer,
  uninstallFromHost,
} from '../../src/core/index.ts';
import { quoteArgv } from '../../src/core/quote-argv.ts';
import { describeWithShell, shellNames } from '../server/environment/login/support/shells.ts';
import { requireNode } from '../support/node-versions.ts';
import { until } from '../support/until.ts';
import {
  type BareAccount,
  type BareAccountOptions,
  type BareHost,
  CLIENT_CACHE,
  startBareHost,
} from './support/bare-host.ts';
import { runCli } from './support/cli.ts';
import { describeWithSshd } from './support/sshd.ts';

describeWithSshd('a connection to a host without exec-server', () => {
  let host: BareHost;
  /** An account on which the server was installed. */
  let installedAccount: BareAccount;

  before(async () => {
    host = await startBareHost();
    installedAccount = host.account();
    await visit(installedAccount);
  });

  after(() => host.stop());

  /** Connects, runs a command and closes the connection; returns what was sent to the host as well. */
  const visit = async (account: BareAccount, argv: readonly [string, ...string[]] = PRINT_HOME) => {
    const sent = new Set<UploadProgress['part']>();
    const client = await account.connect({ bootstrap: { onProgress: ({ part }) => sent.add(part) } });
    try {
      const { stdout } = await client.exec(argv[0], argv.slice(1));
      return { stdout, sent: [...sent], startUpOutput: client.startUpOutput, node: await nodeOf(client) };
    } finally {
      await client.close();
    }
  };

  /** Real path of the Node that runs the server. */
  const nodeOf = async (client: ExecClient): Promise<string> => {
    const { stdout } = await client.exec('sh', ['-c', 'readlink "/proc/$PPID/exe"']);
    return stdout;
  };

  const failure = async (account: BareAccount): Promise<ConnectionLostError> => {
    const error = await account.connect().then(
      client => client.close(),
      error => error,
    );
    expect(error).to.be.instanceOf(ConnectionLostError);
    return error;
  };

  /** Creates an account whose directory contains Node already: an upload of Node is in other tests. */
  const accountWithNode = (options: BareAccountOptions = {}, cache = '.cache/exec-server') => {
    const account = host.account(options);
    const directory = join(account.home, cache);
    cpSync(join(cacheOf(installedAccount), 'runtimes'), join(directory, 'runtimes'), { recursive: true });
    chmodSync(directory, 0o700);
    return account;
  };

  const cacheOf = ({ home }: BareAccount): string => join(home, '.cache/exec-server');

  /** Names in the directory of an account's installations. */
  const installed = (account: BareAccount, directory = cacheOf(account)): string[] =>
    existsSync(directory) ? readdirSync(directory).sort() : [];

  const isComplete = (account: BareAccount) => installed(account).every(name => !name.startsWith('.new-'));

  const linuxName = async (): Promise<string> => `${(await packagedServer()).name}-Linux-x86_64`;

  it('installs Node and the server, and uses them the next time', async () => {
    const account = host.account();
    const first = await visit(account);
    expect({ stdout: first.stdout, sent: first.sent }).to.deep.equal({
      stdout: account.home,
      sent: ['runtime', 'server'],
    });
    expect(first.node).to.match(new RegExp(`^${cacheOf(account)}/runtimes/node-v[\\d.]+-[0-9a-f]{16}/node$`));
    expect(await visit(account)).to.deep.equal({ ...first, sent: [] });
    expect(installed(account)).to.deep.equal([await linuxName(), 'runtime-Linux-x86_64', 'runtimes', 'used']);
    expect(statSync(cacheOf(account)).mode & 0o777).to.equal(0o700);
  });

  it('is what run --ssh does', async () => {
    const { env, home } = host.account();
    const { stdout, stderr, end } = await runCli(['run', '--ssh', 'devbox', '--', 'printenv', 'HOME'], {
      env: { ...env, XDG_CACHE_HOME: join(CLIENT_CACHE, 'of-run') },
    });
    // An installation of more than three seconds is reported.
    const printed = stderr.replace(/^exec-server: waiting for exec-server on devbox: .*\n/, '');
    expect({ stdout: stdout.toString(), printed, end }).to.deep.equal({
      stdout: `${home}\n`,
      printed: '',
      end: 0,
    });
  });

  it('is reported by doctor, with the Node that runs', async () => {
    const account = installedAccount;
    const { stdout } = await runCli(['doctor', '--json', '--ssh', 'devbox'], { env: account.env });
    const { findings } = JSON.parse(stdout.toString());
    const { check, message, data } = findings[1];
    expect({ check, message }).to.deep.equal({
      check: 'installation',
      message: `installed by this program in ${cacheOf(account)}`,
    });
    expect(data.installed).to.include(join(cacheOf(account), await linuxName()));
    expect(data.runtimes).to.have.lengthOf(1);
  });

  it('has terminals', async () => {
    const client = await installedAccount.connect();
    const child = await client.start({ argv: ['sh', '-c', 'test -t 1 && stty size'], tty: true });
    expect(String((await child.collect()).pty)).to.equal('24 80\r\n');
    await client.close();
  });

  it('leaves umask and environment of the account to the processes', async () => {
    const { stdout } = await visit(installedAccount, ['sh', '-c', 'umask; env']);
    const names = stdout.split('\n').map(line => line.split('=')[0] ?? '');
    expect(names[0]).to.equal('0022');
    expect(names.filter(name => name.startsWith('es_') || name.startsWith('EXEC_SERVER_'))).to.deep.equal([]);
  });

  describe('with Node', () => {
    it('uses that of a version manager, which only interactive shells have in PATH', async function () {
      const given = requireNode(this, '22');
      const account = host.account({ files: { '.nvm/versions/node/v20.19.0/bin/x': '' } });
      symlinkSync(given, join(account.home, '.nvm/versions/node/v20.19.0/bin/node'));
      const { sent, node } = await visit(account);
      expect({ sent, node }).to.deep.equal({ sent: ['server'], node: given });
    });

    it('uses that of the login shell, behind a guard of .bashrc', async function () {
      const given = requireNode(this, '22');
      const account = host.account({
        shell: '/bin/bash',
        files: {
          '.profile': 'echo hello from .profile\n. ~/.bashrc\n',
          '.bashrc': 'case $- in *i*) ;; *) return ;; esac\nPATH=~/odd/bin:$PATH\n',
          'odd/bin/x': '',
        },
      });
      symlinkSync(given, join(account.home, 'odd/bin/node'));
      const { sent, node } = await visit(account);
      expect({ sent, node }).to.deep.equal({ sent: ['server'], node: given });
    });

    it('uses another one if the first in PATH is too old', async function () {
      const old = requireNode(this, '16');
      const account = accountWithNode({ path: [join(old, '..')] });
      const { sent, stdout, node } = await visit(account, ['node', '--version']);
      expect(sent).to.deep.equal(['server']);
      expect(node).to.contain(`${cacheOf(account)}/runtimes/`);
      expect(stdout).to.match(/^v16\./);
    });

    it('looks for Node again when the one that it found is gone', async () => {
      const account = accountWithNode({ files: { 'bin/x': '' } });
      await visit(account);
      const memo = join(cacheOf(account), 'runtime-Linux-x86_64');
      writeFileSync(memo, `${account.home}/bin/node\n-rwx\n`);
      expect((await visit(account)).sent).to.deep.equal([]);
      expect(readFileSync(memo, 'utf8')).to.match(/\/runtimes\/node-/);
    });
  });

  describe('in the login shell', () => {
    for (const name of shellNames) {
      describeWithShell(name, name, ({ path }) => {
        it('starts the server, and reports start-up output', async () => {
          const files = {
            '.bashrc': 'echo Beer\n',
            '.zshenv': 'echo Beer\n',
            '.config/fish/config.fish': 'echo Beer\n',
            '.tcshrc': 'echo Beer\n',
          };
          const account = accountWithNode({ shell: path, files });
          const startUpOutput = name === 'dash' ? undefined : { bytes: 5, excerpt: 'Beer\\n' };
          for (const sent of [['server'], []]) {
            const seen = await visit(account, ['printenv', 'SHELL']);
            expect({ ...seen, node: undefined }).to.deep.equal({
              stdout: path,
              sent,
              startUpOutput,
              node: undefined,
            });
          }
        });
      });
    }
  });

  for (const shell of ['dash', 'bash', 'busybox']) {
    it(`runs with the sh and the tools of ${shell}`, async () => {
      const account = host.account({ files: { 'bin/x': '' } });
      const bin = join(account.home, 'bin');
      if (shell === 'busybox') {
        for (const tool of BUSYBOX_TOOLS) symlinkSync('/bin/busybox', join(bin, tool));
      } else symlinkSync(`/bin/${shell}`, join(bin, 'sh'));
      Object.assign(account.env, { EXEC_TEST_PATH: `${bin}:/usr/bin:/bin` });
      expect((await visit(account)).sent).to.deep.equal(['runtime', 'server']);
      expect((await visit(account)).sent).to.deep.equal([]);
    });
  }

  describe('whose account has', () => {
    it('odd characters in the paths', async () => {
      const account = accountWithNode(
        { homeName: 'it\'s "$HOME"; *  ü', mounts: 'export XDG_CACHE_HOME="$HOME/a  b"' },
        'a  b/exec-server',
      );
      for (const sent of [['server'], []]) {
        const seen = await visit(account);
        expect({ stdout: seen.stdout, sent: seen.sent }).to.deep.equal({ stdout: account.home, sent });
      }
      const cache = join(account.home, 'a  b/exec-server');
      expect(installed(account, cache)).to.include(await linuxName());
      const client = await account.connect();
      const refused = await uninstallFromHost(sshServer('devbox'), account.env).catch(error => error);
      expect(refused.message).to.match(/ are running: \d+$/);
      await client.close();
      expect(await uninstallFromHost(sshServer('devbox'), account.env)).to.deep.equal([cache]);
    });

    it('functions of bash in place of tools', async () => {
      const tools = 'ls head uname id mkdir chmod mv rm';
      const functions = tools.split(' ').map(name => `${name}() { command ${name} "$@"; echo colors; }\n`);
      const account = accountWithNode({
        shell: '/bin/bash',
        files: { '.bashrc': `${functions.join('')}export -f ${tools}\n`, 'bin/x': '' },
      });
      const bin = join(account.home, 'bin');
      symlinkSync('/bin/bash', join(bin, 'sh'));
      Object.assign(account.env, { EXEC_TEST_PATH: `${bin}:/usr/bin:/bin` });
      for (const sent of [['server'], []]) expect((await visit(account)).sent).to.deep.equal(sent);
    });

    it('a head without -c', async () => {
      const account = accountWithNode({
        files: { 'bin/head': '#!/bin/sh\necho "usage: head" >&2\nexit 1\n' },
      });
      const bin = join(account.home, 'bin');
      chmodSync(join(bin, 'head'), 0o755);
      Object.assign(account.env, { EXEC_TEST_PATH: `${bin}:/usr/bin:/bin` });
      for (const sent of [['server'], []]) expect((await visit(account)).sent).to.deep.equal(sent);
    });

    it('a cache directory that gives its group to new directories', async () => {
      const account = accountWithNode({ mounts: 'chmod g+s "$HOME/.cache" "$HOME/.cache/exec-server"' });
      await visit(account);
      expect(installed(account)).to.include(await linuxName());
    });

    it('a link in place of the directory: refuses it, and does not change its target', async () => {
      const account = host.account({
        files: { 'target/x': '' },
        mounts:
          'mkdir -p "$HOME/tmp"; export TMPDIR="$HOME/tmp"; ln -sfn "$HOME/target" "$HOME/tmp/exec-server-0"; HOME=/proc',
      });
      const { message } = await failure(account);
      expect(message).to.contain(
        `${join(account.home, 'tmp/exec-server-0')} is not a directory of this user`,
      );
      expect(statSync(join(account.home, 'target')).mode & 0o777).to.equal(0o755);
      expect(readdirSync(join(account.home, 'target'))).to.deep.equal(['x']);
    });
  });

  describe('with a file system that', () => {
    const HOME_CACHE = 'mkdir -p "$HOME/.cache"; mount -t tmpfs';
    const TEMPORARY = 'mkdir -p "$HOME/tmp"; export TMPDIR="$HOME/tmp"';
    const temporary = (account: BareAccount) => join(account.home, 'tmp/exec-server-0');

    for (const option of ['ro', 'noexec']) {
      it(`is mounted ${option} in the home directory: installs in TMPDIR`, async () => {
        const account = host.account({
          mounts: `${TEMPORARY}; ${HOME_CACHE} -o ${option} none "$HOME/.cache"`,
        });
        for (const sent of [['runtime', 'server'], []])
          expect((await visit(account)).sent).to.deep.equal(sent);
        expect(installed(account, temporary(account))).to.include(await linuxName());
      });

      it(`is mounted ${option} everywhere: refuses with the directories and the reasons`, async () => {
        const account = host.account({
          mounts: `${TEMPORARY}; mount -t tmpfs -o ${option} none "$HOME/tmp"; ${HOME_CACHE} -o ${option} none "$HOME/.cache"`,
        });
        const { message } = await failure(account);
        expect(message).to.match(/^could not connect to devbox: no directory to install in; /);
        expect(message)
          .to.contain(`${cacheOf(account)}: `)
          .and.contain(`${temporary(account)}: `);
        expect(message).to.contain(option === 'ro' ? 'Read-only file system' : 'Permission denied');
      });
    }

    it('is full: reports it, and leaves nothing', async () => {
      const account = host.account({ mounts: `${HOME_CACHE} -o size=8m none "$HOME/.cache"` });
      const { message } = await failure(account);
      expect(message).to.match(/cannot write .*\/node: .*No space left on device/s);
    });

    it('has no home directory, or that of another user: installs in TMPDIR', async () => {
      // Only root can give a directory to another user.
      for (const home of process.getuid?.() === 0 ? ['missing', 'another'] : ['missing']) {
        const chown = home === 'another' ? 'chown 12345 "$HOME/another"' : ':';
        const account = accountWithNode(
          {
            files: { 'another/x': '' },
            mounts: `${TEMPORARY}; ${chown}; export HOME="$HOME/${home}"; cd() { :; }`,
          },
          'tmp/exec-server-0',
        );
        await visit(account);
        expect(installed(account, temporary(account))).to.include(await linuxName());
        expect(existsSync(join(account.home, 'missing'))).to.equal(false);
        expect(readdirSync(join(account.home, 'another'))).to.deep.equal(['x']);
      }
    });
  });

  it('reports a host that does not answer in time', async () => {
    const account = host.account({ mounts: 'sleep 600' });
    const error = await account.connect({ initializeTimeoutMs: 200 }).catch(error => error);
    expect(error.message).to.equal('could not connect to devbox: no answer of the host within 0.2 s');
  });

  it('completes after connections that were cut at random moments', async () => {
    const account = host.account();
    for (const share of CUTS) {
      const cut = new AbortController();
      const error = await account
        .connect({
          signal: cut.signal,
          bootstrap: {
            onProgress: ({ part, sentBytes, totalBytes }) => {
              if (part === 'runtime' && sentBytes >= share * totalBytes) cut.abort(new Error('cut'));
            },
          },
        })
        .catch(error => error);
      expect(error.message).to.equal('cut');
      await until(() => isComplete(account), 'an incomplete installation is left');
      expect(installed(account)).not.to.include(await linuxName());
    }
    expect((await visit(account)).stdout).to.equal(account.home);
    expect(installed(account).filter(name => name.startsWith('.'))).to.deep.equal([]);
  });

  it('installs once for two clients that connect concurrently', async () => {
    const account = host.account();
    const both = await Promise.all([visit(account), visit(account)]);
    expect(both.map(({ stdout }) => stdout)).to.deep.equal([account.home, account.home]);
    expect(installed(account)).to.deep.equal([await linuxName(), 'runtime-Linux-x86_64', 'runtimes', 'used']);
  });

  it('removes versions that were not used for 30 days, and what ended processes left', async () => {
    const account = accountWithNode();
    await visit(account);
    const cache = cacheOf(account);
    const name = await linuxName();
    const [runtime = ''] = readdirSync(join(cache, 'runtimes'));
    const DAY_MS = 24 * 60 * 60 * 1000;
    for (const [other, days] of [
      ['0.0.1-old', 31],
      ['0.0.2-recent', 29],
    ] as const) {
      mkdirSync(join(cache, other));
      writeFileSync(join(cache, 'used', other), '');
      const time = new Date(Date.now() - days * DAY_MS);
      utimesSync(join(cache, 'used', other), time, time);
    }
    const { stdout: hostName } = await visit(account, ['uname', '-n']);
    mkdirSync(join(cache, `.new-${hostName}-999999999-x`));
    mkdirSync(join(cache, '.new-another-host-1-x'));
    mkdirSync(join(cache, 'runtimes/node-v1.0.0-old'));
    utimesSync(join(cache, 'runtimes/node-v1.0.0-old'), 1, 1);
    // So that the server is installed again.
    rmSync(join(cache, name), { recursive: true });
    expect((await visit(account)).sent).to.deep.equal(['server']);
    expect(installed(account)).to.deep.equal([
      '.new-another-host-1-x',
      '0.0.2-recent',
      name,
      'runtime-Linux-x86_64',
      'runtimes',
      'used',
    ]);
    expect(readdirSync(join(cache, 'used')).sort()).to.deep.equal(['0.0.2-recent', name]);
    expect(readdirSync(join(cache, 'runtimes'))).to.deep.equal([runtime]);
  });

  it('reports what is installed, and removes it unless it runs', async () => {
    const account = host.account();
    const target = sshServer('devbox');
    expect(await inspectHost(target, account.env)).to.deep.equal({
      directories: [],
      installed: [],
      runtimes: [],
    });
    const cache = cacheOf(account);
    cpSync(join(cacheOf(installedAccount), 'runtimes'), join(cache, 'runtimes'), { recursive: true });
    const client = await account.connect();
    const [runtime = ''] = readdirSync(join(cache, 'runtimes'));
    expect(await inspectHost(target, account.env)).to.deep.equal({
      directories: [cache],
      installed: [join(cache, await linuxName()), join(cache, 'runtimes', runtime)],
      runtimes: [join(cache, 'runtimes', runtime, 'node')],
    });
    const refused = await uninstallFromHost(target, account.env).catch(error => error);
    expect(refused.message).to.match(new RegExp(`servers of ${cache} are running: \\d+$`));
    await client.close();
    expect(await uninstallFromHost(target, account.env)).to.deep.equal([cache]);
    expect(readdirSync(join(account.home, '.cache'))).to.deep.equal([]);
  });

  describe('that receives other bytes than were sent', () => {
    /** The end of a bootstrap in which one byte arrives changed. */
    const tampered = async ({ env }: BareAccount, at: number) => {
      const command = await hostCommand();
      const ssh = spawn('ssh', ['-T', 'devbox', quoteArgv(command.argv)], {
        env,
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      const output = flipping(command.script.length + at);
      pipeline(output, ssh.stdin, () => {});
      const failure = await startOnHost({ input: ssh.stdout, output }, command, {
        cacheDirectory: CLIENT_CACHE,
        env,
      });
      ssh.stdin.end();
      return failure;
    };

    it('refuses a runtime, and installs nothing', async () => {
      const account = host.account();
      const failure = await tampered(account, 100_000);
      expect(failure?.kind).to.be.oneOf(['damaged', 'notWritten']);
      await until(() => isComplete(account), 'an incomplete installation is left');
      expect(readdirSync(join(cacheOf(account), 'runtimes'))).to.deep.equal([]);
    });

    it('refuses a server, and installs nothing', async () => {
      const account = accountWithNode();
      expect((await tampered(account, 100_000))?.kind).to.equal('damaged');
      await until(() => isComplete(account), 'an incomplete installation is left');
      expect(installed(account)).to.deep.equal(['runtime-Linux-x86_64', 'runtimes', 'used']);
    });
  });
});

const PRINT_HOME = ['sh', '-c', 'printf %s "$HOME"'] as const;

/** Shares of an upload after which connections are cut. */
const CUTS = Array.from({ length: 10 }, (_, at) => ((at * 7919 + 104_729) % 1000) / 1000);

/** The programs that the script needs. */
const BUSYBOX_TOOLS =
  'sh uname ls id head gzip sha256sum mkdir chmod rm mv ln grep tail cat sleep kill printf readlink'.split(
    ' ',
  );

/** Changes the byte at an offset. */
const flipping = (offset: number): Transform => {
  let passed = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      const at = offset - passed;
      passed += chunk.length;
      const changed = Buffer.from(chunk);
      if (at >= 0 && at < chunk.length) changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      done(null, changed);
    },
  });
};
