import { expect } from 'chai';
import fc from 'fast-check';
import { buildEnv, type EnvInput, traceEnv } from '../../src/shared-config/build-env.ts';
import { INHERIT_CORE_NAMES } from '../../src/shared-config/core-names.ts';
import type { Env } from '../../src/shared-config/env.ts';
import { countDecisions } from '../../src/shared-config/env-decision.ts';
import { applyOverlay } from '../../src/shared-config/env-overlay.ts';
import { applyEnvPolicy } from '../../src/shared-config/env-policy.ts';
import { foldCase } from '../../src/shared-config/fold-case.ts';
import { holds } from '../support/holds.ts';
import { anyEnv, anyInput, anyOverlay, anyPlatform, anyPolicy } from './arbitraries.ts';
import { sortedEntries } from './sorted-entries.ts';

const sameName = ({ platform }: Pick<EnvInput, 'platform'>) =>
  platform === 'windows' ? foldCase : (name: string) => name;

describe('any environment that is built', () => {
  it('has every value of the overlay and no name that the overlay removes, unless its locale gives way', () => {
    holds([anyInput], anything => {
      const input = { ...anything, policy: anything.policy && { ...anything.policy, keepLocale: false } };
      const keyOf = sameName(input);
      const built = new Map(Object.entries(buildEnv(input)).map(([name, value]) => [keyOf(name), value]));
      const wanted = new Map(
        Object.entries(input.overlay ?? {}).map(([name, value]) => [keyOf(name), value]),
      );
      expect(Array.from(wanted.keys(), key => [key, built.get(key) ?? null])).to.deep.equal([...wanted]);
    });
  });

  it('differs in nothing but the locale when that is kept, and in nothing that the overlay removes', () => {
    holds([anyInput], ({ policy, ...input }) => {
      const keyOf = sameName(input);
      const built = (keepLocale: boolean) =>
        new Map(
          Object.entries(buildEnv({ ...input, policy: { ...policy, keepLocale } })).map(([name, value]) => [
            keyOf(name),
            value,
          ]),
        );
      const [kept, laid] = [built(true), built(false)];
      const differing = [...kept.keys(), ...laid.keys()].filter(key => kept.get(key) !== laid.get(key));
      expect(differing.filter(key => !['LANG', 'LC_ALL', 'LC_CTYPE'].includes(key))).to.deep.equal([]);
      const removed = Object.entries(input.overlay ?? {}).filter(([, value]) => value === null);
      if (input.platform === 'posix') expect(removed.filter(([name]) => kept.has(name))).to.deep.equal([]);
    });
  });

  it('has no LC_ALL from the overlay where the policy left none and the locale is kept', () => {
    holds([anyEnv, anyPolicy, anyOverlay], (base, anything, overlay) => {
      const policy = { ...anything, keepLocale: true };
      const { LC_ALL } = applyEnvPolicy(policy, base, 'posix');
      if (!LC_ALL) expect(buildEnv({ base, policy, overlay, platform: 'posix' }).LC_ALL || '').to.equal('');
    });
  });

  it('has at most one PATH on windows, in any spelling, and one if any source gives a value', () => {
    const spelling = fc.constantFrom('PATH', 'Path', 'path', 'pAtH');
    const paths = (values: fc.Arbitrary<string | null>) =>
      fc.array(fc.tuple(spelling, values), { maxLength: 3 }).map(entries => Object.fromEntries(entries));
    const text = fc.constantFrom('C:\\base', 'C:\\other', '');
    const mixed = fc.record({
      base: paths(text),
      set: paths(text),
      overlay: paths(fc.option(text)),
      exact: fc.boolean(),
    });
    holds([mixed], ({ base, set, overlay, exact }) => {
      const env = buildEnv({
        base: base as Env,
        policy: exact ? null : { inherit: 'core', set: set as Env },
        overlay,
        platform: 'windows',
      });
      const found = Object.keys(env).filter(name => /^path$/i.test(name));
      const last = Object.values(overlay).at(-1);
      const given =
        last === undefined ? !exact && Object.keys({ ...base, ...set }).length > 0 : last !== null;
      expect(found).to.have.lengthOf(given ? 1 : 0);
    });
  });

  it('has no name but those of the base, of set, of the overlay, and PATHEXT on windows', () => {
    holds([anyInput], input => {
      const { base, policy, overlay, platform } = input;
      const sources = policy ? [base, policy.set ?? {}, overlay ?? {}] : [overlay ?? {}];
      const known = new Set(sources.flatMap(source => Object.keys(source)));
      if (policy && platform === 'windows') known.add('PATHEXT');
      expect(Object.keys(buildEnv(input)).filter(name => !known.has(name))).to.deep.equal([]);
    });
  });

  it('has one spelling of each name on windows, and PATHEXT with a policy unless the overlay removes it', () => {
    holds([anyInput], input => {
      const names = Object.keys(buildEnv({ ...input, platform: 'windows' })).map(foldCase);
      expect(names).to.deep.equal([...new Set(names)]);
      const overlay = Object.keys(input.overlay ?? {}).map(foldCase);
      if (input.policy && !overlay.includes('PATHEXT')) expect(names).to.include('PATHEXT');
    });
  });

  it('is the overlay alone with inherit none and nothing set', () => {
    holds([anyEnv, anyOverlay, anyPolicy], (base, overlay, others) => {
      const policy = { ...others, inherit: 'none' as const, set: {}, keepLocale: false };
      const built = buildEnv({ base, policy, overlay, platform: 'posix' });
      expect(sortedEntries(built)).to.deep.equal(
        sortedEntries(buildEnv({ base, overlay, platform: 'posix' })),
      );
    });
  });

  it('is what the overlay makes of what the policy makes of the base', () => {
    holds([anyEnv, anyPolicy, anyOverlay], (base, anything, overlay) => {
      const policy = { ...anything, keepLocale: false };
      const built = buildEnv({ base, policy, overlay, platform: 'posix' });
      const inSteps = applyOverlay(overlay, applyEnvPolicy(policy, base, 'posix'), 'posix');
      expect(sortedEntries(built)).to.deep.equal(sortedEntries(inSteps));
    });
  });

  it('is what the rules say, read one after another', () => {
    holds([anyInput], input => {
      const onPosix = { ...input, platform: 'posix' as const };
      expect(sortedEntries(buildEnv(onPosix))).to.deep.equal(sortedEntries(byTheBook(onPosix)));
    });
  });
});

describe('any policy that is applied', () => {
  it('changes nothing when applied again, unless it sets', () => {
    holds([anyEnv, anyPolicy, anyPlatform], (env, policy, platform) => {
      const once = applyEnvPolicy({ ...policy, set: null }, env, platform);
      expect(sortedEntries(applyEnvPolicy({ ...policy, set: null }, once, platform))).to.deep.equal(
        sortedEntries(once),
      );
    });
  });

  it('lets no inherited name pass that looks like a secret, unless told to', () => {
    holds([anyEnv, anyPolicy, anyPlatform], (env, policy, platform) => {
      const names = Object.keys(
        applyEnvPolicy({ ...policy, ignoreDefaultExcludes: false, set: {} }, env, platform),
      );
      expect(names.filter(name => /KEY|SECRET|TOKEN/i.test(name))).to.deep.equal([]);
    });
  });

  it('lets a name pass whatever the case of its patterns', () => {
    holds([anyEnv, anyPolicy, anyPlatform], (env, policy, platform) => {
      const shouted = {
        ...policy,
        exclude: policy.exclude?.map(foldCase),
        includeOnly: policy.includeOnly?.map(foldCase),
      };
      expect(sortedEntries(applyEnvPolicy(shouted, env, platform))).to.deep.equal(
        sortedEntries(applyEnvPolicy(policy, env, platform)),
      );
    });
  });
});

describe('any overlay that is applied', () => {
  it('changes nothing when applied again', () => {
    holds([anyEnv, anyOverlay, anyPlatform], (env, overlay, platform) => {
      const once = new Map(Object.entries(applyOverlay(overlay, env, platform)));
      const twice = Object.entries(applyOverlay(overlay, Object.fromEntries(once), platform));
      expect(twice.map(([, value]) => value).sort()).to.deep.equal([...once.values()].sort());
    });
  });
});

describe('any trace', () => {
  it('comes with the environment that is built without it', () => {
    holds([anyInput], input => {
      expect(sortedEntries(traceEnv(input).env)).to.deep.equal(sortedEntries(buildEnv(input)));
    });
  });

  it('has kept and set exactly what the environment holds', () => {
    holds([anyInput], input => {
      const { env, decisions } = traceEnv(input);
      const there = Array.from(decisions).filter(([, { outcome }]) => outcome !== 'removed');
      expect(there.map(([name]) => name).sort()).to.deep.equal(Object.keys(env).sort());
      const { kept, removed, set } = countDecisions(decisions);
      expect([kept + set, kept + set + removed]).to.deep.equal([Object.keys(env).length, decisions.size]);
    });
  });

  it('has kept only what has its value from the base', () => {
    holds([anyInput], input => {
      const { env, decisions } = traceEnv(input);
      const kept = Array.from(decisions).filter(([, { outcome }]) => outcome === 'kept');
      const values = (from: Env) => kept.map(([name]) => new Map(Object.entries(from)).get(name));
      expect(values(env)).to.deep.equal(values(input.base));
    });
  });

  it('has one decision on every name that came in, and none on another', () => {
    holds([anyInput], input => {
      const keyOf = sameName(input);
      const { decisions } = traceEnv(input);
      const decided = Array.from(decisions.keys(), keyOf);
      expect(decided).to.deep.equal([...new Set(decided)]);
      const added = Object.entries(input.overlay ?? {}).filter(([, value]) => value !== null);
      const cameIn = [
        ...(input.policy ? [...Object.keys(input.base), ...Object.keys(input.policy.set ?? {})] : []),
        ...added.map(([name]) => name),
      ].map(keyOf);
      expect(cameIn.filter(key => !decided.includes(key))).to.deep.equal([]);
      expect(decided.filter(key => !cameIn.includes(key) && key !== 'PATHEXT')).to.deep.equal([]);
    });
  });

  it('holds no value', () => {
    holds([anyInput], input => {
      expect(JSON.stringify([...traceEnv(input).decisions])).not.to.include('<value>');
    });
  });
});

/** The rules of docs/environment.md for POSIX, as plainly as they can be written. */
const byTheBook = ({ base, policy, overlay }: EnvInput): Env => {
  let entries = policy ? Object.entries(base) : [];
  const drop = (unwanted: (name: string) => boolean) => {
    entries = entries.filter(([name]) => !unwanted(name));
  };
  const put = (name: string, value: string) => {
    drop(other => other === name);
    entries.push([name, value]);
  };
  if (policy?.inherit === 'none') entries = [];
  if (policy?.inherit === 'core') drop(name => !INHERIT_CORE_NAMES.posix.has(name.toUpperCase()));
  if (!policy?.ignoreDefaultExcludes) drop(name => ['*KEY*', '*SECRET*', '*TOKEN*'].some(describes(name)));
  drop(name => (policy?.exclude ?? []).some(describes(name)));
  if (policy?.secretValues) entries = entries.filter(([, value]) => !value.includes('ghp_'));
  for (const [name, value] of Object.entries(policy?.set ?? {})) put(name, value);
  if (policy?.includeOnly?.length) drop(name => !policy.includeOnly?.some(describes(name)));
  const removed = Object.entries(overlay ?? {}).filter(([, value]) => value === null);
  for (const [name] of removed) drop(other => other === name);
  const left = Object.fromEntries(entries);
  const locale = left.LC_ALL || left.LC_CTYPE || left.LANG || '';
  for (const [name, value] of Object.entries(overlay ?? {})) {
    const isKept = ['LC_ALL', 'LC_CTYPE', 'LANG'].includes(name) && locale.endsWith('UTF-8');
    const isNew = name === 'LC_ALL' && !left.LC_ALL;
    if (value !== null && !(policy?.keepLocale && (isKept || isNew))) put(name, value);
  }
  return Object.fromEntries(entries);
};

const describes = (name: string) => (pattern: string) => {
  const source = Array.from(pattern, character => {
    if (character === '*') return '.*';
    return character === '?' ? '.' : character.replace(/[\\^$.|+()[\]{}/]/, '\\$&');
  });
  return new RegExp(`^${source.join('')}$`, 'isu').test(name);
};
