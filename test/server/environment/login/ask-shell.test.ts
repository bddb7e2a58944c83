import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { currentHost, type Host } from '../../../../src/server/environment/host.ts';
import {
  loginShell,
  type ShellOutcome,
  type SlowShell,
} from '../../../../src/server/environment/login/ask-shell.ts';
import { MAX_LOGIN_NOISE_BYTES } from '../../../../src/server/environment/login/limits.ts';
import type { Env } from '../../../../src/shared-config/index.ts';
import { Watchdog } from '../../../../src/system/watchdog.ts';
import { survivorsIn, waitForNoSurvivorsIn } from '../../../e2e/support/survivors.ts';
import { until } from '../../../support/until.ts';
import { kill } from '../../../system/support/children.ts';
import { makeHome, removeHome } from './support/homes.ts';
import { describeWithShell, shellNames, type TestShell } from './support/shells.ts';

/** Longer than a shell takes to come so far, or to answer. */
const LONG_MS = 50_000;

const PATH = '/usr/local/bin:/usr/bin:/bin';

/** One home, the shells that were started in it, and what they said. */
class Login {
  readonly home: string;
  readonly log: string[] = [];
  readonly slow: SlowShell[] = [];
  readonly #host: Host;
  readonly #watchdog: Watchdog;
  readonly #abort = new AbortController();
  readonly #gone: Promise<void>[] = [];

  constructor(
    loginShell: string | undefined,
    files: Readonly<Record<string, string>>,
    host: Partial<Host> = {},
  ) {
    this.home = makeHome(files);
    this.#host = { ...currentHost({ PATH }, () => {}), homeDir: this.home, loginShell, ...host };
    this.#watchdog = new Watchdog({ log: line => this.log.push(line) });
  }

  ask(interactive: boolean, deadlineMs = LONG_MS): Promise<ShellOutcome> {
    const ask = loginShell({
      host: this.#host,
      watchdog: this.#watchdog,
      log: line => this.log.push(line),
      onSlow: slow => this.slow.push(slow),
      deadlineMs,
    });
    const { outcome, gone } = ask(interactive ? 'loginInteractive' : 'login', this.#abort.signal);
    this.#gone.push(gone);
    return outcome;
  }

  /** The environment that it has to answer with. */
  async env(interactive: boolean): Promise<Env> {
    const outcome = await this.ask(interactive);
    if ('reason' in outcome) throw new Error(outcome.reason);
    return outcome.env;
  }

  abort(): void {
    this.#abort.abort();
  }

  /** Resolves when all of them say that nothing is left. */
  async gone(): Promise<void> {
    await Promise.all(this.#gone);
  }

  async end(): Promise<void> {
    this.abort();
    await this.gone();
    await this.#watchdog.end();
    removeHome(this.home);
  }
}

describe('loginShell', () => {
  const logins: Login[] = [];

  const login = (...options: ConstructorParameters<typeof Login>): Login => {
    const made = new Login(...options);
    logins.push(made);
    return made;
  };

  afterEach(async () => {
    for (const made of logins.splice(0)) {
      await made.end();
      if (process.platform === 'linux') await waitForNoSurvivorsIn(made.home);
    }
  });

  const itTakesTheEnvironment = (shell: TestShell, interactive: boolean) => {
    const { set, prepend } = shell;
    const inHome = (profile: readonly string[], more: readonly string[] = []) =>
      login(shell.path, shell.files(profile, more));

    it('returns the variables that its start-up files set, without those of the shell itself', async () => {
      const env = await inHome([set('FROM_PROFILE', 'a b')], [set('FROM_RC', '1'), prepend('/nvm/bin')]).env(
        interactive,
      );
      expect([env.FROM_PROFILE, env.FROM_RC, env.PATH?.startsWith('/nvm/bin:'), env.SHELL]).to.deep.equal([
        'a b',
        ...(interactive ? ['1', true] : [undefined, false]),
        shell.path,
      ]);
      expect(env).not.to.have.any.keys(
        'PWD',
        'OLDPWD',
        'SHLVL',
        '_',
        'TERM',
        'EXEC_SERVER_RESOLVING_ENVIRONMENT',
      );
    });

    it('ignores output of its start-up files', async () => {
      const noise = ['echo Beer', "printf 'A=1\\nno newline'", 'echo EXEC_SERVER_MARK_=1'];
      const env = await inHome([...noise, set('A', '2')], noise).env(interactive);
      expect(env.A).to.equal('2');
    });

    it('answers despite a background job, and leaves none', async () => {
      const made = inHome(['sleep 600 &', set('A', '1')]);
      expect((await made.env(interactive)).A).to.equal('1');
      await made.gone();
      if (process.platform === 'linux') expect(survivorsIn(made.home)).to.deep.equal([]);
    });

    for (const other of shellNames.filter(other => other !== shell.name)) {
      describeWithShell(other, `when it is replaced by ${other}`, ({ path }) => {
        it('returns the variables that the first shell exported', async () => {
          const env = await inHome([set('FIRST', '1'), `exec ${path}`]).env(interactive);
          expect(env.FIRST).to.equal('1');
        });
      });
    }

    it('fails after the deadline if a start-up file hangs, and ends it', async () => {
      const made = inHome(['sleep 600']);
      expect(await made.ask(interactive, 500)).to.deep.equal({
        reason: `${shell.name} did not answer within 500 ms`,
      });
      await made.gone();
      if (process.platform === 'linux') await waitForNoSurvivorsIn(made.home);
    });

    it('reports the exit code if a start-up file exits', async () => {
      expect(await inHome(["exec sh -c 'exit 3'"]).ask(interactive)).to.deep.equal({
        reason: `${shell.name} exited with code 3 without printing its environment`,
      });
    });

    // An interactive csh has its question on stdin only, and there its files take it away.
    if (shell.name !== 'tcsh' || !interactive) {
      it('is not blocked by a prompt of its start-up files', async () => {
        expect((await inHome([shell.readLine, set('A', '1')]).env(interactive)).A).to.equal('1');
      });
    }
  };

  for (const name of shellNames) {
    describeWithShell(name, `with ${name}`, shell => {
      for (const interactive of [false, true]) {
        describe(interactive ? 'as an interactive login shell' : 'as a login shell', () =>
          itTakesTheEnvironment(shell, interactive),
        );
      }
    });
  }

  describeWithShell('bash', 'with the files of bash', shell => {
    const profile = (...lines: string[]) => ({ '.bash_profile': `${lines.join('\n')}\n` });
    const inHome = (...lines: string[]) => login(shell.path, profile(...lines));

    describeWithShell('zsh', 'that replace it by zsh', zsh => {
      it('returns the variables that the files of both shells set', async () => {
        const files = {
          ...shell.files(['export FIRST=1'], ['echo Beer', `exec ${zsh.path} -l`]),
          ...zsh.files(['export SECOND=1'], ['export INTERACTIVE=1']),
        };
        const env = await login(shell.path, files).env(true);
        expect([env.FIRST, env.SECOND]).to.deep.equal(['1', '1']);
      });

      it('returns every name and value unchanged', async () => {
        // bash can't export the first name, but zsh hands on whatever it was started with.
        const env = await inHome(
          "f() { echo 'a\nb'; }; export -f f",
          `exec /usr/bin/env a.b=odd 'with space=1' EMPTY= 'LINES=a\n\nb=c\n' ${zsh.path}`,
        ).env(false);
        expect(env).to.include({ 'a.b': 'odd', 'with space': '1', EMPTY: '', LINES: 'a\n\nb=c\n' });
        expect(env['BASH_FUNC_f%%']).to.match(/^\(\) \{ +echo 'a\nb'\n\}$/);
      });
    });

    it('does not inherit the guard variable of a profile', async () => {
      const nix = [
        'if [ -n "$__ETC_PROFILE_NIX_SOURCED" ]; then return; fi',
        'export __ETC_PROFILE_NIX_SOURCED=1 PATH=/nix/bin:$PATH',
      ];
      const env = { PATH, __ETC_PROFILE_NIX_SOURCED: '1' };
      const taken = await login(shell.path, profile(...nix), { env }).env(false);
      expect([taken.__ETC_PROFILE_NIX_SOURCED, taken.PATH?.startsWith('/nix/bin:')]).to.deep.equal([
        '1',
        true,
      ]);
    });

    it('sets EXEC_SERVER_RESOLVING_ENVIRONMENT for its start-up files', async () => {
      const { A } = await inHome('export A=$EXEC_SERVER_RESOLVING_ENVIRONMENT').env(false);
      expect(A).to.equal('1');
    });

    it('starts in the home directory, without a terminal', async () => {
      const made = inHome('export AT=$PWD', 'if : </dev/tty; then export TTY=1; fi 2>/dev/null');
      const { AT, TTY } = await made.env(false);
      expect([AT, TTY]).to.deep.equal([made.home, undefined]);
    });

    it('uses neither aliases nor functions', async () => {
      const tricks =
        'alias env=false; env() { echo no; }; echo() { :; }; alias echo=false; set -f; export A=1';
      expect((await inHome(tricks).env(true)).A).to.equal('1');
    });

    it('accepts a logout message of its files', async () => {
      const made = inHome(`trap 'echo bye; echo bye >"$HOME/logout-message"' EXIT; export A=1`);
      expect((await made.env(false)).A).to.equal('1');
      await made.gone();
      expect(readFileSync(join(made.home, 'logout-message'), 'utf8')).to.equal('bye\n');
    });

    it('accepts an answer in time that this process reads late', async () => {
      const made = inHome('trap ": >answered" EXIT; export A=1');
      const outcome = made.ask(false, 100);
      // This process stands still from here until the time is over.
      const all = 'until [ -e answered ]; do sleep 0.01; done; sleep 0.2';
      execFileSync('sh', ['-c', all], { cwd: made.home });
      expect(await outcome).to.have.nested.property('env.A', '1');
    });

    it('omits a variable that changes while it is read, and logs its name', async () => {
      const made = inHome(`trap 'export LAST=planted$((n+=1))' DEBUG`, 'export A=1');
      expect(await made.ask(false)).to.deep.include({
        omitted: [{ name: 'LAST', reason: 'changes while it is read' }],
      });
      expect(made.log).to.deep.equal([
        'ignoring environment variable LAST of bash: it changes while it is read',
      ]);
    });

    it('reports what it waits for after two seconds', async () => {
      const made = inHome('sh -c ": >ready; until [ -e go ]; do sleep 0.01; done"', 'export A=1');
      const outcome = made.ask(true);
      await until(() => made.slow.length > 0, 'no report');
      writeFileSync(join(made.home, 'go'), '');
      expect(await outcome).to.have.nested.property('env.A', '1');
      const [{ running, ...slow }] = made.slow as [SlowShell];
      expect([made.slow.length, slow]).to.deep.equal([
        1,
        { base: 'loginInteractive', shell: shell.path, waitedMs: 2000, limitMs: LONG_MS },
      ]);
      if (process.platform === 'linux') expect(running[0]).to.equal('sh');
    });

    it('refuses an answer that is mixed with other output', async () => {
      const outcome = await inHome('trap "printf hook" DEBUG', 'export SOME=planted').ask(true);
      expect(outcome).to.deep.equal({
        reason: 'bash printed no usable environment: mixed with other output',
      });
    });

    it('accepts no output of a background job as part of a value', async () => {
      const long = 'x'.repeat(20_000);
      const outcome = await inHome(
        '(while :; do printf noise; done) &',
        `export LONG=${long} SOME=planted; sleep 0.1`,
      ).ask(false);
      if ('env' in outcome) {
        const { LONG = long, SOME = 'planted' } = outcome.env;
        expect({ LONG, SOME }).to.deep.equal({ LONG: long, SOME: 'planted' });
      } else
        expect(outcome.reason)
          .to.match(/^bash printed no usable environment: /)
          .and.not.to.contain('planted');
    });

    it('logs names of variables that are not UTF-8, never their values', async () => {
      const made = inHome(`export RAW="$(printf 'planted\\377')" GOOD="$(printf '\\303\\244')"`);
      const env = await made.env(false);
      expect([env.GOOD, 'RAW' in env, made.log]).to.deep.equal([
        'ä',
        false,
        ['ignoring environment variable RAW of bash: it is not valid UTF-8'],
      ]);
    });

    it('fails after too much output without an answer', async () => {
      expect(await inHome('yes').ask(false)).to.deep.equal({
        reason: `bash printed no usable environment: not found in the first ${MAX_LOGIN_NOISE_BYTES} bytes of output`,
      });
    });

    it('fails if a start-up file exits', async () => {
      expect(await inHome('exit 3').ask(true)).to.deep.equal({
        reason: 'bash exited with code 3 without printing its environment',
      });
    });

    it('reports the signal that killed it', async () => {
      expect(await inHome('kill -KILL $$').ask(false)).to.deep.equal({
        reason: 'bash was killed by SIGKILL without printing its environment',
      });
    });

    it('answers without a temporary directory', async () => {
      const tempDir = '/nowhere/at/all';
      expect((await login(shell.path, profile('export A=1'), { tempDir }).env(false)).A).to.equal('1');
    });

    describe('whose files hold a lock', () => {
      /** As `pyenv rehash` does. Until the lock is released, every other shell waits for it. */
      const LOCK = 'set -o noclobber; : >lock; trap "rm -f lock" EXIT; : >ready';
      const HOLD = ['while [ ! -e go ]; do sleep 0.01; done', 'yes | head -c 1000000', ': >finished'];

      const withLock = (...script: readonly string[]) =>
        login(shell.path, { ...profile('bash ./hold'), hold: [LOCK, ...script].join('\n') });
      const isIn = (made: Login, name: string) => existsSync(join(made.home, name));
      const appears = (made: Login, name: string) => until(() => isIn(made, name), `there is no ${name}`);

      for (const interactive of [false, true]) {
        const title = interactive ? 'interactive' : 'not interactive';

        it(`can release it after the deadline (${title})`, async () => {
          const made = withLock('sleep 600');
          expect(await made.ask(interactive, 1000)).to.deep.equal({
            reason: 'bash did not answer within 1000 ms',
          });
          await made.gone();
          expect(isIn(made, 'lock')).to.equal(false);
        });

        it(`can finish, with any output, after the end of the connection (${title})`, async () => {
          const made = withLock(...HOLD);
          const outcome = made.ask(interactive);
          await appears(made, 'ready');
          made.abort();
          expect(await outcome).to.deep.equal({ reason: 'the connection has ended' });
          await made.gone();
          expect(isIn(made, 'lock')).to.equal(true);
          writeFileSync(join(made.home, 'go'), '');
          await appears(made, 'finished');
          await waitForNoSurvivorsIn(made.home);
          expect(isIn(made, 'lock')).to.equal(false);
        });
      }
    });

    it('is killed after the deadline if its files ignore signals, also after the end of the connection', async () => {
      const made = inHome("trap '' HUP TERM INT; touch ready; while :; do sleep 0.01; done");
      let settled = false;
      const outcome = made.ask(false, 1000).finally(() => {
        settled = true;
      });
      await until(() => settled || existsSync(join(made.home, 'ready')), 'the shell is not ready');
      made.abort();
      expect(await outcome).to.have.property('reason');
      await made.gone();
      expect(await made.ask(false)).to.deep.equal({ reason: 'the connection has ended' });
      if (process.platform === 'linux') await waitForNoSurvivorsIn(made.home);
    });

    describe('on Linux', () => {
      before(function () {
        if (process.platform !== 'linux') this.skip();
      });

      const names = (home: string) => survivorsIn(home).map(line => line.split(' ').slice(1).join(' '));

      const endAll = async (home: string) => {
        for (const line of survivorsIn(home)) kill(Number.parseInt(line, 10));
        await waitForNoSurvivorsIn(home);
      };

      it('is the leader of its session', async () => {
        const { PID, STAT = '' } = await inHome('export PID=$$ STAT="$(cat /proc/$$/stat)"').env(false);
        const [, , group, session] = STAT.slice(STAT.lastIndexOf(')') + 2).split(' ');
        expect([group, session]).to.deep.equal([PID, PID]);
      });

      it('sends SIGHUP to processes left in its session, and kills those that ignore it', async () => {
        const made = inHome(
          `sh -c 'trap ": >\\"$HOME/hung-up\\"; exit" HUP; : >up1; while :; do sleep 0.01; done' &`,
          `sh -c 'trap "" HUP TERM; : >up2; while :; do sleep 0.01; done' &`,
          'until [ -e up1 ] && [ -e up2 ]; do sleep 0.01; done; export A=1',
        );
        expect((await made.env(false)).A).to.equal('1');
        await made.gone();
        expect(existsSync(join(made.home, 'hung-up'))).to.equal(true);
        await waitForNoSurvivorsIn(made.home);
      });

      it('does not end a daemon with its own session', async () => {
        const daemon = "setsid sh -c ': >up; exec sleep 600' &";
        const made = inHome(daemon, 'until [ -e up ]; do sleep 0.01; done; export A=1');
        expect((await made.env(false)).A).to.equal('1');
        await made.gone();
        await until(() => names(made.home).join() === 'sleep 600', 'it does not live');
        await endAll(made.home);
      });

      it('ends processes outside the session that hold its stdout after a failure', async () => {
        const made = inHome(
          `setsid sh -c 'trap ": >terminated; exit" TERM; : >up1; while :; do sleep 0.01; done' &`,
          `setsid sh -c 'trap "" TERM; : >up2; while :; do sleep 0.01; done' &`,
          `setsid sh -c ': >up3; exec sleep 601' >/dev/null 2>&1 &`,
          'until [ -e up1 ] && [ -e up2 ] && [ -e up3 ]; do sleep 0.01; done; exit 3',
        );
        expect(await made.ask(false)).to.have.property('reason');
        await made.gone();
        expect(existsSync(join(made.home, 'terminated'))).to.equal(true);
        await until(() => names(made.home).join() === 'sleep 601', 'the wrong ones are left');
        await endAll(made.home);
      });
    });
  });

  describe('without a usable shell', () => {
    before(function () {
      if (process.platform === 'win32') this.skip();
    });

    const reasons: Record<string, string> = {
      '/nowhere/shell': 'cannot start /nowhere/shell: ENOENT',
      '/etc/passwd': 'cannot start /etc/passwd: EACCES',
      '/usr/bin/false': 'false exited with code 1 without printing its environment',
    };
    for (const [path, reason] of Object.entries(reasons)) {
      it(`reports the reason: ${path}`, async () => {
        expect(await login(path, {}).ask(true)).to.deep.equal({ reason });
      });
    }
  });

  it('is not available on Windows', async () => {
    const made = login(undefined, {}, { platform: 'win32' });
    expect(await made.ask(false)).to.deep.equal({ reason: 'there is no login shell on Windows' });
  });
});
