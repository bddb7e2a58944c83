import { expect } from 'chai';
import { checkLocale, checkLoginShell, checkPath } from '../../../src/cli/doctor/check-environment.ts';
import type { EnvironmentExplanation, ExecClient } from '../../../src/core/index.ts';

const info = {
  shell: { name: 'zsh', path: '/bin/zsh' },
  executorVersion: '0',
  platformOs: 'linux',
  temporaryDirectories: [],
  prependPathDirs: [],
  capabilities: {},
} as unknown as ExecClient['info'];

const never = () => Promise.reject(new Error('not to be asked'));

/** A client whose server took this base. */
const withBase = (base: EnvironmentExplanation['base']) => ({
  info,
  start: never,
  explain: async () => ({ base, variables: {}, counts: { kept: 0, removed: 0, set: 0 } }),
});

const taken = (base: 'login' | 'loginInteractive') => ({
  base,
  outcome: 'taken' as const,
  reason: undefined,
  durationMs: 5,
});
const failed = (base: 'login' | 'loginInteractive', reason?: string) => ({
  base,
  outcome: 'failed' as const,
  reason,
  durationMs: 7,
});

describe('checkLoginShell', () => {
  it('is content with the environment of a terminal', async () => {
    const { taken: base, finding } = await checkLoginShell(
      withBase({ base: 'loginInteractive', attempts: [taken('loginInteractive')] }),
    );
    expect(base).to.equal('loginInteractive');
    expect(finding).to.deep.include({
      level: 'ok',
      message: 'told its environment as on a terminal (loginInteractive) in 5 ms',
    });
  });

  it('warns of a lower rung, and says why', async () => {
    const { taken: base, finding } = await checkLoginShell(
      withBase({ base: 'login', attempts: [failed('loginInteractive', 'it hung'), taken('login')] }),
    );
    expect(base).to.equal('login');
    expect(finding).to.deep.include({
      level: 'warning',
      message: 'told its environment without a terminal only: --base loginInteractive gives login',
      details: ['loginInteractive: it hung (7 ms)'],
    });
    expect(finding.advice).to.contain('EXEC_SERVER_RESOLVING_ENVIRONMENT');
  });

  it('warns of the lowest one', async () => {
    const { taken: base, finding } = await checkLoginShell(
      withBase({ base: 'process', attempts: [failed('loginInteractive'), failed('login', 'no such shell')] }),
    );
    expect(base).to.equal('process');
    expect(finding).to.deep.include({
      level: 'warning',
      message: "told no environment: --base login and loginInteractive give the server's own",
      details: ['loginInteractive: no reason given (7 ms)', 'login: no such shell (7 ms)'],
    });
  });
});

describe('on Windows', () => {
  const client = { info: { ...info, platformOs: 'windows' }, start: never, explain: never };

  it('there is no login shell, and nothing is asked', async () => {
    expect((await checkLoginShell(client)).finding.level).to.equal('skipped');
    expect((await checkPath(client, undefined)).level).to.equal('skipped');
    expect((await checkLocale(client)).level).to.equal('skipped');
  });
});

describe('checkPath', () => {
  /** A client whose processes have this PATH by base. */
  const withPaths = (paths: Readonly<Record<string, string | undefined>>) => ({
    info,
    explain: never,
    start: (async ({ env }: { env: { policy: { base: string; includeOnly: string[] } } }) => {
      expect(env.policy.includeOnly).to.deep.equal(['PATH']);
      const path = paths[env.policy.base];
      return {
        collect: async () => ({ stdout: Buffer.from(path === undefined ? '' : `PATH=${path}\0`) }),
      };
    }) as unknown as ExecClient['start'],
  });

  it('warns of what only the login shell has, each directory once, and lists a bounded number', async () => {
    const many = Array.from({ length: 25 }, (_, at) => `/opt/${at}`);
    const client = withPaths({ process: '/bin:/own', login: [...many, '/bin', '', '/opt/0'].join(':') });
    const finding = await checkPath(client, 'login');
    expect(finding).to.deep.include({
      level: 'warning',
      message: 'lacks 25 of the 26 directories that the login shell has',
    });
    expect(finding.details).to.deep.equal([
      'only by the login shell:',
      ...many.slice(0, 20).map(directory => `  ${directory}`),
      '  and 5 more',
      'only by the server:',
      '  /own',
    ]);
    expect(finding.data?.loginOnly).to.deep.equal(many);
  });

  it('is content where the server has all, and names what only it has', async () => {
    const finding = await checkPath(withPaths({ process: '/a\x1b:/bin', login: '/bin' }), 'login');
    expect(finding).to.deep.include({
      level: 'ok',
      message: '2 directories, with all that the login shell has',
      details: ['only by the server:', '  /a\x1b'],
    });
  });

  it('compares with nothing where no login shell told any', async () => {
    expect(await checkPath(withPaths({ process: '/bin' }), 'process')).to.deep.include({
      level: 'ok',
      message: '1 directory; there is none of a login shell to compare with',
    });
    expect((await checkPath(withPaths({}), undefined)).level).to.equal('problem');
  });
});
