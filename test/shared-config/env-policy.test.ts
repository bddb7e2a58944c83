import { expect } from 'chai';
import * as z from 'zod/mini';
import type { Env } from '../../src/shared-config/env.ts';
import { applyEnvPolicy, DEFAULT_EXCLUDES, EnvPolicy } from '../../src/shared-config/env-policy.ts';
import { MAX_PATTERN_LENGTH, MAX_PATTERNS, MAX_PATTERNS_LENGTH } from '../../src/shared-config/limits.ts';

const platforms = ['posix', 'windows'] as const;

describe('EnvPolicy', () => {
  it('takes what Codex sends', () => {
    const policy = {
      inherit: 'all',
      ignoreDefaultExcludes: true,
      exclude: ['CODEX_*'],
      set: {},
      includeOnly: [],
    };
    expect(EnvPolicy.parse(policy)).to.deep.equal(policy);
  });

  it('takes a policy without any field, or with null in each', () => {
    const nulls = {
      base: null,
      inherit: null,
      ignoreDefaultExcludes: null,
      exclude: null,
      secretValues: null,
      set: null,
      includeOnly: null,
      keepLocale: null,
    };
    expect([EnvPolicy.parse({}), EnvPolicy.parse(nulls)]).to.deep.equal([{}, nulls]);
  });

  it('ignores fields that it does not know', () => {
    expect(EnvPolicy.parse({ inherit: 'core', profile: 'x' })).to.deep.equal({ inherit: 'core' });
  });

  it('can be extended by a field of the protocol', () => {
    const Extended = z.extend(EnvPolicy, { more: z.boolean() });
    expect(Extended.parse({ base: 'login', more: true })).to.deep.equal({ base: 'login', more: true });
  });

  it('refuses a wrong value in any field', () => {
    const wrong = [
      { base: 'interactive' },
      { inherit: 'some' },
      { ignoreDefaultExcludes: 'yes' },
      { exclude: '*KEY*' },
      { exclude: [1] },
      { secretValues: 1 },
      { set: { A: null } },
      { set: { 'A=B': 'x' } },
      { set: JSON.parse('{"__proto__":1}') },
      { includeOnly: [null] },
      { keepLocale: 'yes' },
    ];
    const paths = wrong.map(policy =>
      EnvPolicy.safeParse(policy).error?.issues.map(({ path }) => path.join('.')),
    );
    expect(paths).to.deep.equal([
      ['base'],
      ['inherit'],
      ['ignoreDefaultExcludes'],
      ['exclude'],
      ['exclude.0'],
      ['secretValues'],
      ['set.A'],
      ['set.A'],
      ['set.__proto__'],
      ['includeOnly.0'],
      ['keepLocale'],
    ]);
  });

  for (const field of ['exclude', 'includeOnly'] as const) {
    const messageFor = (patterns: string[]) =>
      EnvPolicy.safeParse({ [field]: patterns }).error?.issues[0]?.message;

    it(`takes as many patterns in ${field} as the limit says and no more`, () => {
      expect(messageFor(Array(MAX_PATTERNS).fill('A*'))).to.equal(undefined);
      expect(messageFor(Array(MAX_PATTERNS + 1).fill('A*'))).to.equal('expected at most 1000 patterns');
    });

    it(`takes as many characters in ${field} as the limit says and no more`, () => {
      const longest = Array(MAX_PATTERNS_LENGTH / MAX_PATTERN_LENGTH).fill('?'.repeat(MAX_PATTERN_LENGTH));
      expect(messageFor(longest)).to.equal(undefined);
      expect(messageFor([...longest, '*'])).to.equal('expected patterns of at most 65536 characters in all');
    });

    it(`takes a pattern in ${field} as long as the limit says and no longer`, () => {
      expect(messageFor(['?'.repeat(MAX_PATTERN_LENGTH)])).to.equal(undefined);
      expect(messageFor(['?'.repeat(MAX_PATTERN_LENGTH + 1)])).to.equal(
        'expected a pattern of at most 1024 characters',
      );
    });
  }
});

describe('DEFAULT_EXCLUDES', () => {
  it('names keys, secrets and tokens', () => {
    expect(DEFAULT_EXCLUDES).to.deep.equal(['*KEY*', '*SECRET*', '*TOKEN*']);
  });
});

describe('applyEnvPolicy', () => {
  for (const platform of platforms) {
    describe(`on ${platform}`, () => {
      const apply = (policy: EnvPolicy, env: Env) => applyEnvPolicy(policy, env, platform);
      const secrets = { API_KEY: '1', my_secret: '2', GitHubToken: '3', MONKEY: '4' };

      it('inherits all but the secrets unless told otherwise', () => {
        const kept = { PATH: '/bin', EDITOR: 'vi', EMPTY: '' };
        expect(apply({}, { ...secrets, ...kept })).to.deep.equal(kept);
      });

      it('takes null in a field for its default', () => {
        const policy = {
          base: null,
          inherit: null,
          ignoreDefaultExcludes: null,
          exclude: null,
          secretValues: null,
          set: null,
          includeOnly: null,
          keepLocale: null,
        };
        expect(apply(policy, { ...secrets, A: '1' })).to.deep.equal({ A: '1' });
      });

      it('inherits nothing with none', () => {
        expect(apply({ inherit: 'none' }, { PATH: '/bin', A: '1' })).to.deep.equal({});
      });

      it('inherits with core what the platform needs, by any spelling', () => {
        const env = { PATH: '1', Shell: '2', tmp: '3', EDITOR: '4', PATHS: '5', MYPATH: '6' };
        expect(apply({ inherit: 'core' }, env)).to.deep.equal({ PATH: '1', Shell: '2', tmp: '3' });
      });

      it('keeps secrets with ignoreDefaultExcludes', () => {
        expect(apply({ ignoreDefaultExcludes: true }, secrets)).to.deep.equal(secrets);
      });

      it('leaves out what an exclude describes, without case', () => {
        const policy = { exclude: ['aws_*', '*_?D'] };
        expect(apply(policy, { AWS_REGION: '1', Aws_Profile: '2', JOB_ID: '3', A: '4' })).to.deep.equal({
          A: '4',
        });
      });

      it('applies excludes to core names as well', () => {
        expect(apply({ inherit: 'core', exclude: ['PATH'] }, { PATH: '1', TMP: '2' })).to.deep.equal({
          TMP: '2',
        });
      });

      it('applies excludes in addition to the default ones', () => {
        expect(apply({ exclude: ['A'] }, { API_KEY: '1', A: '2', B: '3' })).to.deep.equal({ B: '3' });
      });

      it('leaves out with secretValues what looks like a secret, whatever its name, and nothing that is set', () => {
        const inherited = { DATABASE_URL: 'postgres://me:planted@db/app', HOME: '/home/me' };
        const set = { MY_URL: inherited.DATABASE_URL };
        expect(apply({ secretValues: true, set }, inherited)).to.deep.equal({ HOME: '/home/me', ...set });
        expect(apply({ secretValues: false }, inherited)).to.deep.equal(inherited);
        expect(apply({}, inherited)).to.deep.equal(inherited);
      });

      it('checks values with and without the default excludes', () => {
        const env = { MY_TOKEN: 'plain', PROXY: 'http://me:planted@proxy:1' };
        expect(apply({ secretValues: true }, env)).to.deep.equal({});
        expect(apply({ secretValues: true, ignoreDefaultExcludes: true }, env)).to.deep.equal({
          MY_TOKEN: 'plain',
        });
      });

      it('starts from the environment that it is given, whatever base says', () => {
        expect(apply({ base: 'loginInteractive' }, { A: '1' })).to.deep.equal({ A: '1' });
      });

      it('sets after every exclude: a secret that is set stays, an inherited one does not', () => {
        const policy = { exclude: ['NAME'], set: { MY_TOKEN: 'set', NAME: 'set' } };
        const env = { MY_TOKEN: 'inherited', NAME: 'inherited', OTHER_TOKEN: 'inherited' };
        expect(apply(policy, env)).to.deep.equal({ MY_TOKEN: 'set', NAME: 'set' });
      });

      it('sets over an inherited value', () => {
        expect(apply({ set: { A: '2', B: '' } }, { A: '1' })).to.deep.equal({ A: '2', B: '' });
      });

      it('sets with inherit none', () => {
        expect(apply({ inherit: 'none', set: { A: '1' } }, { B: '1' })).to.deep.equal({ A: '1' });
      });

      it('keeps with includeOnly what one of its patterns describes, set names too', () => {
        const policy = { set: { SET_IN: '1', SET_OUT: '2' }, includeOnly: ['*_in', 'PATH'] };
        expect(apply(policy, { PATH: '3', ENV_IN: '4', ENV_OUT: '5' })).to.deep.equal({
          PATH: '3',
          ENV_IN: '4',
          SET_IN: '1',
        });
      });

      it('takes an empty includeOnly for no restriction', () => {
        expect(apply({ includeOnly: [] }, { A: '1' })).to.deep.equal({ A: '1' });
      });

      it('does not bring back with includeOnly what was excluded', () => {
        expect(apply({ exclude: ['A'], includeOnly: ['*'] }, { A: '1', API_KEY: '2', B: '3' })).to.deep.equal(
          {
            B: '3',
          },
        );
      });

      it('adds nothing of its own', () => {
        expect(apply({}, {})).to.deep.equal({});
      });

      it('changes neither of its arguments', () => {
        const policy = Object.freeze({ exclude: ['A'], set: Object.freeze({ B: '2' }) });
        expect(apply(policy, Object.freeze({ A: '1', C: '3' }))).to.deep.equal({ C: '3', B: '2' });
      });

      it('carries a variable named __proto__', () => {
        expect(Object.entries(apply({}, JSON.parse('{"__proto__":"1","A":"2"}')))).to.deep.equal([
          ['__proto__', '1'],
          ['A', '2'],
        ]);
      });
    });
  }

  it('has a core of its own for each platform', () => {
    const env = { HOME: '1', USER: '2', LANG: '3', SystemRoot: '4', 'ProgramFiles(x86)': '5', PATH: '6' };
    expect(applyEnvPolicy({ inherit: 'core' }, env, 'posix')).to.deep.equal({
      HOME: '1',
      USER: '2',
      LANG: '3',
      PATH: '6',
    });
    expect(applyEnvPolicy({ inherit: 'core' }, env, 'windows')).to.deep.equal({
      SystemRoot: '4',
      'ProgramFiles(x86)': '5',
      PATH: '6',
    });
  });

  it('sets a name next to its other spelling on posix, and replaces it on windows', () => {
    const policy = { set: { PATH: '2' } };
    expect(applyEnvPolicy(policy, { Path: '1' }, 'posix')).to.deep.equal({ Path: '1', PATH: '2' });
    expect(applyEnvPolicy(policy, { Path: '1' }, 'windows')).to.deep.equal({ Path: '2' });
  });

  it('sets under its own spelling what was excluded under another on windows', () => {
    const policy = { exclude: ['PATH'], set: { PATH: '2' } };
    expect(applyEnvPolicy(policy, { Path: '1' }, 'windows')).to.deep.equal({ PATH: '2' });
  });

  it('keeps the first of two spellings in the environment on windows, both on posix', () => {
    const env = { Path: '1', PATH: '2' };
    expect(applyEnvPolicy({}, env, 'windows')).to.deep.equal({ Path: '1' });
    expect(applyEnvPolicy({}, env, 'posix')).to.deep.equal(env);
  });
});
