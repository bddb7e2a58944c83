import { expect } from 'chai';
import { checkLocale, checkLoginShell, checkPath } from '../../../src/cli/doctor/check-environment.ts';
import type { EnvironmentExplanation, ExecClient, ExecOptions } from '../../../src/core/index.ts';

const info = {
  shell: { name: 'zsh', path: '/bin/zsh' },
  executorVersion: '0',
  platformOs: 'linux',
  temporaryDirectories: [],
  prependPathDirs: [],
  capabilities: {},
} as unknown as ExecClient['info'];

const never = () => Promise.reject(new Error('unexpected request'));

/** Client whose server resolves this base. */
const withBase = (base: EnvironmentExplanation['base']) => ({
  info,
  exec: never,
  explain: async () => ({ base, variables: {}, counts: { kept: 0, removed: 0, set: 0 } }),
});

const resolved = (base: 'login' | 'loginInteractive') => ({
  base,
  outcome: 'resolved' as const,
  reason: undefined,
  omitted: undefined,
  durationMs: 5,
});
const failed = (base: 'login' | 'loginInteractive', reason?: string) => ({
  base,
  outcome: 'failed' as const,
  reason,
  omitted: undefined,
  durationMs: 7,
});

describe('checkLoginShell', () => {
  it('is ok with the variables of an interactive login shell', async () => {
    const { base, result } = await checkLoginShell(
      withBase({ base: 'loginInteractive', attempts: [resolved('loginInteractive')] }),
    );
    expect(base).to.equal('loginInteractive');
    expect(result).to.deep.include({
      level: 'ok',
      message: 'variables captured from an interactive login shell in 5 ms',
    });
  });

  it('warns of a fallback, with the reason', async () => {
    const { base, result } = await checkLoginShell(
      withBase({ base: 'login', attempts: [failed('loginInteractive', 'it hung'), resolved('login')] }),
    );
    expect(base).to.equal('login');
    expect(result).to.deep.include({
      level: 'warning',
      message:
        'variables captured from a non-interactive login shell only: --base loginInteractive uses login',
      details: ['loginInteractive: it hung (7 ms)'],
    });
    expect(result.advice).to.contain('EXEC_SERVER_RESOLVING_ENVIRONMENT');
  });

  it('names the variables that are not captured', async () => {
    const omitted = [{ name: 'LAST', reason: 'changes while it is read' }];
    const attempts = [{ ...resolved('loginInteractive'), omitted }];
    expect((await checkLoginShell(withBase({ base: 'loginInteractive', attempts }))).result).to.deep.include({
      level: 'note',
      details: ['not captured: LAST changes while it is read'],
    });
  });

  it('warns if no login shell answers, with all reasons', async () => {
    const { base, result } = await checkLoginShell(
      withBase({ base: 'process', attempts: [failed('loginInteractive'), failed('login', 'no such shell')] }),
    );
    expect(base).to.equal('process');
    expect(result).to.deep.include({
      level: 'warning',
      message: 'no variables captured: --base login and loginInteractive use those of the server',
      details: ['loginInteractive: no reason given (7 ms)', 'login: no such shell (7 ms)'],
    });
  });
});

describe('checks on Windows', () => {
  const client = { info: { ...info, platformOs: 'windows' }, exec: never, explain: never };

  it('are skipped without a request', async () => {
    expect((await checkLoginShell(client)).result.level).to.equal('skipped');
    expect((await checkPath(client, undefined)).level).to.equal('skipped');
    expect((await checkLocale(client)).level).to.equal('skipped');
  });
});

describe('checkPath', () => {
  /** Client whose processes have this PATH for each base. */
  const withPaths = (paths: Readonly<Record<string, string | undefined>>) => ({
    info,
    explain: never,
    exec: async (_file: string, _args: readonly string[], { env = {} }: ExecOptions) => {
      const { base, includeOnly } = ('policy' in env && env.policy) || {};
      expect(includeOnly).to.deep.equal(['PATH']);
      const path = paths[base ?? ''];
      return { stdout: path === undefined ? '' : `PATH=${path}\0` };
    },
  });

  it('warns of directories that only the login shell has, and lists at most 20', async () => {
    const many = Array.from({ length: 25 }, (_, at) => `/opt/${at}`);
    const client = withPaths({ process: '/bin:/own', login: [...many, '/bin', '', '/opt/0'].join(':') });
    const result = await checkPath(client, 'login');
    expect(result).to.deep.include({
      level: 'warning',
      message: 'lacks 25 of the 26 directories of the login shell',
    });
    expect(result.details).to.deep.equal([
      'only in the login shell:',
      ...many.slice(0, 20).map(directory => `  ${directory}`),
      '  and 5 more',
      'only in the server:',
      '  /own',
    ]);
    expect(result.data?.loginOnly).to.deep.equal(many);
  });

  it('is ok if the server has all directories, and lists those that only it has', async () => {
    const result = await checkPath(withPaths({ process: '/a\x1b:/bin', login: '/bin' }), 'login');
    expect(result).to.deep.include({
      level: 'ok',
      message: '2 directories, including all of the login shell',
      details: ['only in the server:', '  /a\x1b'],
    });
  });

  it('compares with nothing if no login shell answered', async () => {
    expect(await checkPath(withPaths({ process: '/bin' }), 'process')).to.deep.include({
      level: 'ok',
      message: '1 directory, no login shell to compare with',
    });
    expect((await checkPath(withPaths({}), undefined)).level).to.equal('problem');
  });
});
