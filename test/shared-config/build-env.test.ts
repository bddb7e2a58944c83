import { expect } from 'chai';
import { buildEnv, traceEnv } from '../../src/shared-config/build-env.ts';
import type { Env } from '../../src/shared-config/env.ts';
import { countDecisions } from '../../src/shared-config/env-decision.ts';
import type { EnvPolicy } from '../../src/shared-config/env-policy.ts';

const platforms = ['posix', 'windows'] as const;
const PATHEXT = '.COM;.EXE;.BAT;.CMD';

describe('buildEnv', () => {
  for (const platform of platforms) {
    describe(`on ${platform}, without a policy`, () => {
      const base = { PATH: '/bin', HOME: '/home/me' };

      it('gives exactly the overlay', () => {
        const overlay = { API_KEY: '1', EMPTY: '' };
        expect(buildEnv({ base, overlay, platform })).to.deep.equal(overlay);
        expect(buildEnv({ base, overlay, policy: null, platform })).to.deep.equal(overlay);
      });

      it('leaves out what the overlay removes', () => {
        expect(buildEnv({ base, overlay: { PATH: null, A: '1' }, platform })).to.deep.equal({ A: '1' });
      });

      it('gives nothing without an overlay', () => {
        expect(buildEnv({ base, platform })).to.deep.equal({});
        expect(buildEnv({ base, overlay: null, platform })).to.deep.equal({});
      });
    });

    describe(`on ${platform}, with a policy`, () => {
      it('has the working directory as PWD, where that has a meaning', () => {
        const base = { PATHEXT, PWD: '/base', OLDPWD: '/before' };
        const env = (policy: EnvPolicy, cwd: string | null | undefined, from: Env = base) =>
          buildEnv({ base: from, policy, cwd, platform });
        const has = platform === 'posix';
        expect([
          env({}, '/cwd'),
          env({}, '/cwd', { PATHEXT }),
          env({}, null),
          env({}, undefined),
          env({ set: { PWD: '/set' } }, '/cwd', { PATHEXT }),
          env({ includeOnly: ['OLDPWD', 'PATHEXT'] }, '/cwd', { PATHEXT }),
          env({ exclude: ['*PWD'] }, '/cwd'),
        ]).to.deep.equal([
          has ? { PATHEXT, PWD: '/cwd' } : base,
          has ? { PATHEXT, PWD: '/cwd' } : { PATHEXT },
          has ? { PATHEXT } : base,
          base,
          { PATHEXT, PWD: '/set' },
          { PATHEXT },
          { PATHEXT },
        ]);
      });

      // So that the cases below show what the policy and the overlay do and nothing else.
      const base = { PATHEXT, A: 'base', MY_TOKEN: 'base' };

      it('starts from the base', () => {
        expect(buildEnv({ base, policy: {}, platform })).to.deep.equal({ PATHEXT, A: 'base' });
      });

      it('lays the overlay over the policy, past every filter', () => {
        const policy = { exclude: ['*'], includeOnly: ['NOTHING'], set: { A: 'policy' } };
        const overlay = { A: 'overlay', MY_TOKEN: 'overlay', EMPTY: '', PATHEXT };
        expect(buildEnv({ base, policy, overlay, platform })).to.deep.equal(overlay);
      });

      it('removes with null whatever put the name there', () => {
        const policy = { set: { B: 'policy' } };
        const overlay = { A: null, B: null, MY_TOKEN: null, NEVER: null };
        expect(buildEnv({ base, policy, overlay, platform })).to.deep.equal({ PATHEXT });
      });

      it('lets a value of the overlay win over set, and set over the base', () => {
        const policy = { set: { A: 'policy', B: 'policy' } };
        expect(buildEnv({ base, policy, overlay: { B: 'overlay' }, platform })).to.deep.equal({
          PATHEXT,
          A: 'policy',
          B: 'overlay',
        });
      });

      it('gives only the overlay with inherit none', () => {
        const overlay = { A: 'overlay', PATHEXT };
        expect(buildEnv({ base, policy: { inherit: 'none' }, overlay, platform })).to.deep.equal(overlay);
      });

      it('changes none of its arguments', () => {
        const overlay = Object.freeze({ A: null });
        const policy = Object.freeze({ set: Object.freeze({ C: '1' }) });
        expect(buildEnv({ base: Object.freeze(base), policy, overlay, platform })).to.deep.equal({
          PATHEXT,
          C: '1',
        });
      });
    });
  }

  describe('on windows', () => {
    const platform = 'windows';

    it('adds PATHEXT where a policy left none', () => {
      expect(buildEnv({ base: {}, policy: {}, platform })).to.deep.equal({ PATHEXT });
      expect(buildEnv({ base: { PATHEXT: '.X' }, policy: { exclude: ['PATHEXT'] }, platform })).to.deep.equal(
        {
          PATHEXT,
        },
      );
      expect(buildEnv({ base: { A: '1' }, policy: { includeOnly: ['A'] }, platform })).to.deep.equal({
        A: '1',
        PATHEXT,
      });
    });

    it('leaves a PATHEXT that is there, by any spelling', () => {
      expect(buildEnv({ base: { PathExt: '.X' }, policy: {}, platform })).to.deep.equal({ PathExt: '.X' });
      expect(buildEnv({ base: {}, policy: {}, overlay: { pathext: '' }, platform })).to.deep.equal({
        pathext: '',
      });
    });

    it('adds no PATHEXT that the overlay removes, by any spelling', () => {
      const base = { PATHEXT: '.X' };
      expect(buildEnv({ base, policy: {}, overlay: { PathExt: null }, platform })).to.deep.equal({});
      expect(buildEnv({ base: {}, policy: {}, overlay: { PATHEXT: null }, platform })).to.deep.equal({});
    });

    it('adds no PATHEXT without a policy', () => {
      expect(buildEnv({ base: {}, overlay: { A: '1' }, platform })).to.deep.equal({ A: '1' });
    });

    it('has exactly one PATH, under the spelling of the base', () => {
      const policy = { set: { path: 'policy' } };
      const env = buildEnv({
        base: { Path: 'base', PATHEXT },
        policy,
        overlay: { PATH: 'overlay' },
        platform,
      });
      expect(env).to.deep.equal({ Path: 'overlay', PATHEXT });
    });

    it('has the last of two spellings in an overlay that is the exact environment', () => {
      // What `{ ...process.env, PATH: mine }` is on Windows.
      expect(buildEnv({ base: {}, overlay: { Path: 'old', PATH: 'mine' }, platform })).to.deep.equal({
        Path: 'mine',
      });
    });
  });

  it('adds no PATHEXT on posix', () => {
    expect(buildEnv({ base: {}, policy: {}, platform: 'posix' })).to.deep.equal({});
  });
});

describe('traceEnv', () => {
  for (const platform of platforms) {
    it(`records the last decision on every name on ${platform}`, () => {
      const { env, decisions } = traceEnv({
        base: {
          PATH: '/bin',
          HOME: '/home/me',
          SHELL: '/bin/sh',
          TEMP: '/tmp',
          API_KEY: 'a',
          SECRET_TOKEN: 'b',
          AWS_REGION: 'c',
          AWS_KEY: 'd',
          MY_TOKEN: 'e',
          EDITOR: 'vi',
          PATHEXT,
        },
        policy: {
          exclude: ['A*', 'aws_*'],
          set: { MY_TOKEN: 'set', SHELL: 'set', DROPPED: 'set' },
          includeOnly: ['P*', 'H*', 'S*', 'T*', 'MY_*'],
        },
        overlay: { HOME: null, TEMP: '/var/tmp', EDITOR: null, NEVER: null, NEW: '' },
        platform,
      });
      expect(env).to.deep.equal({
        PATH: '/bin',
        SHELL: 'set',
        TEMP: '/var/tmp',
        MY_TOKEN: 'set',
        PATHEXT,
        NEW: '',
      });
      expect(Object.fromEntries(decisions)).to.deep.equal({
        PATH: { outcome: 'kept' },
        HOME: { outcome: 'removed', by: 'overlay' },
        SHELL: { outcome: 'set', by: 'policy' },
        TEMP: { outcome: 'set', by: 'overlay' },
        API_KEY: { outcome: 'removed', by: 'defaultExcludes', pattern: '*KEY*' },
        SECRET_TOKEN: { outcome: 'removed', by: 'defaultExcludes', pattern: '*SECRET*' },
        AWS_REGION: { outcome: 'removed', by: 'exclude', pattern: 'A*' },
        AWS_KEY: { outcome: 'removed', by: 'defaultExcludes', pattern: '*KEY*' },
        MY_TOKEN: { outcome: 'set', by: 'policy' },
        EDITOR: { outcome: 'removed', by: 'includeOnly' },
        DROPPED: { outcome: 'removed', by: 'includeOnly' },
        PATHEXT: { outcome: 'kept' },
        NEW: { outcome: 'set', by: 'overlay' },
      });
      expect(countDecisions(decisions)).to.deep.equal({ kept: 2, removed: 7, set: 4 });
    });

    it(`records what inherit removed on ${platform}, before any pattern`, () => {
      const base = { PATH: '/bin', API_KEY: 'a', PATHEXT: '.X' };
      const decisions = (inherit: 'core' | 'none') =>
        traceEnv({ base, policy: { inherit }, overlay: { PATHEXT: null }, platform }).decisions;
      const gone = { outcome: 'removed', by: 'inherit' } as const;
      expect(Object.fromEntries(decisions('none'))).to.deep.equal({
        PATH: gone,
        API_KEY: gone,
        PATHEXT: gone,
      });
      expect(decisions('core').get('PATH')).to.deep.equal({ outcome: 'kept' });
      expect(decisions('core').get('API_KEY')).to.deep.equal(gone);
    });

    it(`records only the overlay without a policy on ${platform}`, () => {
      const { env, decisions } = traceEnv({ base: { A: '1' }, overlay: { A: null, B: '2' }, platform });
      expect(env).to.deep.equal({ B: '2' });
      expect(Object.fromEntries(decisions)).to.deep.equal({ B: { outcome: 'set', by: 'overlay' } });
    });
  }

  it('records an added PATHEXT on windows', () => {
    const { decisions } = traceEnv({ base: {}, policy: {}, platform: 'windows' });
    expect(Object.fromEntries(decisions)).to.deep.equal({ PATHEXT: { outcome: 'set', by: 'platform' } });
  });

  it('has one decision for all spellings of a name on windows, under the one that the child sees', () => {
    const { decisions } = traceEnv({
      base: { Path: '1', PATH: '2', Api_Key: '3', API_KEY: '4', PATHEXT },
      policy: { set: { path: '5' } },
      platform: 'windows',
    });
    expect(Object.fromEntries(decisions)).to.deep.equal({
      Path: { outcome: 'set', by: 'policy' },
      Api_Key: { outcome: 'removed', by: 'defaultExcludes', pattern: '*KEY*' },
      PATHEXT: { outcome: 'kept' },
    });
  });
});
