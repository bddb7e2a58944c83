import { expect } from 'chai';
import { defaultExclude, isDecidedByFile } from '../../src/cli/decided-by-file.ts';
import { type EnvPolicy, traceEnv } from '../../src/shared-config/index.ts';

describe('isDecidedByFile', () => {
  const base = { PATH: '/bin', HOME: '/h', MY_TOKEN: 't', URL: 'ftp://me:planted@x', LANG: 'de_DE.UTF-8' };
  const overlay = { LANG: 'C.UTF-8', ADDED: '1' };

  /** The names that the policy decides about. */
  const decided = (policy: EnvPolicy, fields: EnvPolicy = policy) =>
    Array.from(traceEnv({ base, policy, overlay, platform: 'posix' }).decisions)
      .filter(([name, decision]) => isDecidedByFile(name, decision, fields))
      .map(([name]) => name);

  const cases: Array<[fields: EnvPolicy, names: string[]]> = [
    [{}, []],
    [{ ignoreDefaultExcludes: true }, ['MY_TOKEN']],
    [{ ignoreDefaultExcludes: false }, ['MY_TOKEN']],
    [{ inherit: 'none' }, ['PATH', 'HOME', 'MY_TOKEN', 'URL']],
    [{ inherit: 'all' }, []],
    [{ exclude: ['HO*'] }, ['HOME']],
    [{ secretValues: true }, ['URL']],
    [{ set: { A: '1', PATH: '2' } }, ['PATH', 'A']],
    [{ includeOnly: ['P*', 'ADDED'] }, ['HOME', 'URL']],
    [{ keepLocale: true }, ['LANG']],
  ];
  for (const [fields, names] of cases) {
    it(`is true for ${names.join(', ') || 'nothing'} with ${JSON.stringify(fields)}`, () => {
      expect(decided(fields)).to.deep.equal(names);
      expect(decided(fields, {})).to.deep.equal([]);
    });
  }

  it('is false for an absent name', () => {
    expect(isDecidedByFile('A', { outcome: 'absent' }, { inherit: 'none' })).to.equal(false);
  });
});

describe('defaultExclude', () => {
  it('returns the first pattern that matches', () => {
    expect(['MY_TOKEN', 'monkey', 'PATH', '__proto__'].map(defaultExclude)).to.deep.equal([
      '*TOKEN*',
      '*KEY*',
      undefined,
      undefined,
    ]);
  });
});
