import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { currentHost, type Host } from '../../../../src/server/environment/host.ts';
import { environmentOf, loginStart } from '../../../../src/server/environment/login/login-start.ts';
import type { Env } from '../../../../src/shared-config/index.ts';

const NOWHERE = '/nowhere/environment';

/** What a shell is given by a login, as far as it doesn't depend on the shell and the account. */
const GIVEN: Env = {
  PATH: '/somewhere/bin',
  USER: 'ann',
  LOGNAME: 'ann',
  MAIL: '/var/mail/ann',
  LANG: 'de_DE.UTF-8',
  LANGUAGE: 'de',
  LC_ALL: 'C',
  LC_TIME: 'sv_SE.UTF-8',
  TZ: 'Europe/Berlin',
  TMPDIR: '/tmp/ann',
  SSH_AUTH_SOCK: '/tmp/agent',
  SSH_CLIENT: '10.0.0.1 5 22',
  SSH_CONNECTION: '10.0.0.1 5 10.0.0.2 22',
  KRB5CCNAME: 'FILE:/tmp/krb5cc',
  DISPLAY: ':0',
  WAYLAND_DISPLAY: 'wayland-0',
  XAUTHORITY: '/home/ann/.Xauthority',
  XDG_RUNTIME_DIR: '/run/user/1000',
  XDG_SESSION_ID: '4',
  XDG_SESSION_TYPE: 'tty',
  DBUS_SESSION_BUS_ADDRESS: 'unix:path=/run/user/1000/bus',
  WSL_DISTRO_NAME: 'Debian',
  WSL_INTEROP: '/run/WSL/1_interop',
  WSLENV: '',
};

describe('loginStart', () => {
  let home: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'login-start-test-'));
  });

  afterEach(() => rmSync(home, { recursive: true }));

  const hostWith = (env: Env): Host => ({ ...currentHost({}, () => {}), env, homeDir: home });

  const start = (env: Env, systemEnvironment = NOWHERE) =>
    loginStart('/usr/bin/zsh', hostWith(env), false, 'COMMAND', systemEnvironment).env;

  const args: Array<[shell: string, interactive: boolean, argv0: string, args: string[]]> = [
    ['/bin/bash', false, '-bash', ['-c', 'COMMAND']],
    ['/bin/bash', true, '-bash', ['-i', '-c', 'COMMAND']],
    ['/usr/bin/fish', true, '-fish', ['-i', '-c', 'COMMAND']],
    ['/usr/bin/tcsh', false, '-tcsh', ['-c', 'COMMAND']],
    ['/usr/bin/tcsh', true, '-tcsh', ['-i']],
    ['/bin/csh', true, '-csh', ['-i']],
  ];
  for (const [shell, interactive, argv0, expected] of args) {
    it(`starts ${shell} as ${argv0} ${expected.join(' ')}${interactive ? ' to be interactive' : ''}`, () => {
      const { program, ...started } = loginStart(shell, hostWith({}), interactive, 'COMMAND', NOWHERE);
      expect([program, started.argv0, started.args]).to.deep.equal([shell, argv0, expected]);
    });
  }

  it('starts in the home directory, or in / without one', () => {
    const host = hostWith({});
    const cwd = (homeDir: string) => loginStart('/bin/sh', { ...host, homeDir }, false, '').cwd;
    expect([cwd(home), cwd(join(home, 'missing')), cwd('/etc/passwd')]).to.deep.equal([home, '/', '/']);
  });

  it('sets the variables of a login, and no others of the server', () => {
    const own = {
      __ETC_PROFILE_NIX_SOURCED: '1',
      NVM_DIR: '/nvm',
      API_KEY: 'secret',
      PWD: '/elsewhere',
      SHLVL: '3',
      LD_LIBRARY_PATH: '/lib',
      XDG_DATA_DIRS: '/share',
      SHELL: '/bin/other',
      HOME: '/elsewhere',
      TERM: 'xterm-256color',
    };
    expect(start({ ...GIVEN, ...own })).to.deep.equal({
      ...GIVEN,
      HOME: home,
      SHELL: '/usr/bin/zsh',
      TERM: 'dumb',
      EXEC_SERVER_RESOLVING_ENVIRONMENT: '1',
    });
  });

  it('sets PATH and the name of the account if the server has none', () => {
    const { PATH, USER, LOGNAME } = start({});
    expect(PATH).to.equal('/usr/local/bin:/usr/bin:/bin');
    expect([USER, LOGNAME]).to.satisfy(([user, logname]: string[]) => user === logname);
    expect(start({ LOGNAME: 'bob' })).to.include({ USER: 'bob', LOGNAME: 'bob' });
  });

  it('sets the variables of /etc/environment with the values of the server', () => {
    const path = join(home, 'environment');
    writeFileSync(
      path,
      'HTTP_PROXY="http://old"\n# NOT_IT=1\n  export JAVA_HOME=/opt/java\nUNSET=1\nbad line\n',
    );
    const own = { HTTP_PROXY: 'http://new', JAVA_HOME: '/opt/java', NOT_IT: '1', OTHER: '1' };
    const { HTTP_PROXY, JAVA_HOME, ...rest } = start(own, path);
    expect([HTTP_PROXY, JAVA_HOME]).to.deep.equal(['http://new', '/opt/java']);
    expect(rest).not.to.have.any.keys('NOT_IT', 'UNSET', 'OTHER');
  });
});

describe('environmentOf', () => {
  it('removes variables of the shell itself', () => {
    const answered = {
      PWD: '/',
      OLDPWD: '/',
      SHLVL: '1',
      _: '/usr/bin/env',
      EXEC_SERVER_RESOLVING_ENVIRONMENT: '1',
      PATH: '/bin',
      'a.b': 'odd',
      'BASH_FUNC_x%%': '() { :;\n}',
    };
    const { PATH, 'a.b': odd, 'BASH_FUNC_x%%': x } = answered;
    expect(environmentOf(answered, {})).to.deep.equal({ PATH, 'a.b': odd, 'BASH_FUNC_x%%': x });
  });

  it('keeps a TERM that start-up files set, and restores that of the server otherwise', () => {
    const terms = [
      environmentOf({ TERM: 'xterm' }, { TERM: 'vt100' }),
      environmentOf({ TERM: 'dumb' }, { TERM: 'vt100' }),
      environmentOf({ TERM: 'dumb' }, {}),
    ];
    expect(terms).to.deep.equal([{ TERM: 'xterm' }, { TERM: 'vt100' }, {}]);
  });

  it('adds no variables', () => {
    expect(environmentOf({}, { TERM: 'vt100', PATH: '/bin' })).to.deep.equal({});
  });
});
