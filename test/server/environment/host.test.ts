import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir, tmpdir, userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { currentHost, type Host } from '../../../src/server/environment/host.ts';

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

const ignore = () => {};

/** What a process of its own, whose environment `sh` has prepared, takes its host for. */
const hostOfAnother = (prepare: string): { env: Host['env']; reported: string[] } => {
  const module = new URL('../../../src/server/environment/host.ts', import.meta.url).href;
  const program = `
    const { currentHost } = await import(${JSON.stringify(module)});
    const reported = [];
    const { env } = currentHost(process.env, line => reported.push(line));
    process.stdout.write(JSON.stringify({ env, reported }));`;
  const args = ['--import', tsx, '--input-type=module', '--eval', program];
  const script = `${prepare}; unset PWD OLDPWD SHLVL _; exec "$@"`;
  return JSON.parse(
    execFileSync('/bin/sh', ['-c', script, 'sh', process.execPath, ...args], {
      env: { PATH: process.env.PATH },
      encoding: 'utf8',
    }),
  );
};

describe('currentHost', () => {
  it('describes this machine, account and directory', () => {
    const host = currentHost({ A: '1', SHELL: '/bin/sh' }, ignore);
    expect(host).to.deep.equal({
      env: { A: '1', SHELL: '/bin/sh' },
      platform: process.platform,
      cwd: process.cwd(),
      homeDir: homedir(),
      tempDir: tmpdir(),
      shell: host.shell,
      loginShell: host.loginShell,
    });
  });

  it('keeps every variable that is valid UTF-8, whatever its name', () => {
    const env = Object.fromEntries([
      ['EMPTY', ''],
      ['with space', 'ä😀'],
      ['LINES', 'a\nb'],
      ['__proto__', 'x'],
    ]);
    const reported: string[] = [];
    const host = currentHost(env, line => reported.push(line));
    expect([Object.entries(host.env), reported]).to.deep.equal([Object.entries(env), []]);
  });

  it('is not affected by later changes of the environment', () => {
    const env: NodeJS.ProcessEnv = { A: '1' };
    const host = currentHost(env, ignore);
    env.A = '2';
    expect(host.env).to.deep.equal({ A: '1' });
  });

  describe('with values of arbitrary bytes', () => {
    before(function () {
      if (process.platform === 'win32') this.skip();
    });

    it('ignores variables that are not UTF-8 and reports their names, never their values', () => {
      const prepare =
        'RAW=$(printf "a\\377b"); CUT=$(printf "\\303"); GOOD=$(printf "\\303\\244"); export RAW CUT GOOD';
      const { env, reported } = hostOfAnother(prepare);
      expect([env.GOOD, 'RAW' in env, 'CUT' in env, reported.sort()]).to.deep.equal([
        'ä',
        false,
        false,
        ['CUT', 'RAW'].map(name => `ignoring environment variable ${name}: it is not valid UTF-8`),
      ]);
    });

    it('keeps the whole environment otherwise', () => {
      const { env, reported } = hostOfAnother('export A=1 MY_TOKEN=2 EMPTY=');
      // macOS adds a variable of its own to every process.
      expect(env).to.include({ PATH: process.env.PATH, A: '1', MY_TOKEN: '2', EMPTY: '' });
      expect(reported).to.deep.equal([]);
    });
  });

  describe('the shell on POSIX systems', () => {
    before(function () {
      if (process.platform === 'win32') this.skip();
    });

    let directory: string;

    before(() => {
      directory = mkdtempSync(join(tmpdir(), 'shells-'));
    });

    after(() => rmSync(directory, { recursive: true }));

    const shellNamed = (name: string) => {
      const path = join(directory, name);
      writeFileSync(path, '', { mode: 0o755 });
      return path;
    };

    for (const [file, name] of Object.entries({ fish: 'fish', ZSH: 'zsh' })) {
      it(`is ${name} if SHELL has the file name ${file}`, () => {
        const path = shellNamed(file);
        expect(currentHost({ SHELL: path }, ignore).shell).to.deep.equal({ name, path });
      });
    }

    it('has the login shell of the account, whatever SHELL is', () => {
      const { shell } = userInfo();
      const other = shellNamed('other');
      const ofThe = (env: NodeJS.ProcessEnv) => currentHost(env, ignore).loginShell;
      // An account without a shell is one that only SHELL knows of.
      expect([ofThe({ SHELL: other }), ofThe({})]).to.deep.equal([shell || other, shell || '/bin/sh']);
    });

    it('is that of the account if SHELL runs no commands, and the log has the reason', () => {
      const path = userInfo().shell || '/bin/sh';
      const reported: string[] = [];
      const { shell } = currentHost({ SHELL: '/nowhere/zsh' }, line => reported.push(line));
      expect([shell, reported]).to.deep.equal([
        { name: basename(path), path, insteadOf: { path: '/nowhere/zsh', reason: 'does not exist' } },
        [`using ${path}: the shell /nowhere/zsh does not exist`],
      ]);
    });

    it('is that of the account if SHELL is not set or empty', () => {
      const path = userInfo().shell || '/bin/sh';
      const shell = { name: basename(path), path };
      expect([{}, { SHELL: '' }].map(env => currentHost(env, ignore).shell)).to.deep.equal([shell, shell]);
    });
  });
});
