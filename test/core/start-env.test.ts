import { expect } from 'chai';
import fc from 'fast-check';
import {
  CORE_OWNED_NAMES,
  keepsHostLocale,
  ownedByCore,
  type RuntimeFacts,
  runtimeOverlay,
} from '../../src/core/runtime-env.ts';
import { localStartEnv, type ProcessEnv, remoteStartEnv } from '../../src/core/start-env.ts';
import { foldCase } from '../../src/shared-config/fold-case.ts';
import {
  applyEnvPolicy,
  applyOverlay,
  buildEnv,
  type Env,
  type EnvOverlay,
  type EnvPolicy,
  LOCALE_NAMES,
  type Platform,
  platformOf,
} from '../../src/shared-config/index.ts';
import { anyEnv, anyOverlay, anyPolicy } from '../shared-config/arbitraries.ts';

type ByPolicy = Exclude<ProcessEnv, { readonly exact: Env }>;

const RUNTIME_NAMES = Object.keys(
  runtimeOverlay({ threadId: '', unifiedExec: true, proxyUrl: '', sandbox: '', networkDisabled: true }),
);

const anyUnifiedExec = fc.oneof(
  fc.boolean(),
  fc.record(
    {
      locale: fc.constantFrom<'c.utf8' | 'host'>('c.utf8', 'host'),
      term: fc.constantFrom('xterm', 'host'),
    },
    { requiredKeys: [] },
  ),
);

// Few values, so that a fact often is what an environment has anyway.
const word = fc.constantFrom('', 'cat', '1', 'dumb', 'http://proxy:1');

const anyFacts: fc.Arbitrary<RuntimeFacts> = fc.record(
  {
    threadId: word,
    unifiedExec: anyUnifiedExec,
    proxyUrl: word,
    noProxy: fc.array(word, { maxLength: 2 }),
    sandbox: word,
    networkDisabled: fc.boolean(),
  },
  { requiredKeys: [] },
);

const runtimeVariables: fc.Arbitrary<Env> = fc
  .array(fc.tuple(fc.constantFrom(...RUNTIME_NAMES, 'Http_Proxy', 'codex_ci', 'Pager'), word), {
    maxLength: 8,
  })
  .map(entries => Object.fromEntries(entries));

/** A machine's environment; what only it can know is marked with its name. */
const machine = (name: string): fc.Arbitrary<Env> =>
  fc
    .tuple(anyEnv, runtimeVariables)
    .map(([env, runtime]) =>
      Object.fromEntries([
        ...Object.entries(env).map(([key, value]): [string, string] => [key, `<${name}>${value}`]),
        ...Object.entries(runtime),
      ]),
    );

const anyEnvironment: fc.Arbitrary<ByPolicy> = fc.record(
  {
    policy: anyPolicy,
    runtime: anyFacts,
    overlay: fc
      .tuple(anyOverlay, runtimeVariables)
      .map(
        ([one, other]): EnvOverlay => Object.fromEntries([...Object.entries(one), ...Object.entries(other)]),
      ),
  },
  { requiredKeys: [] },
);

const anyNodePlatform = fc.constantFrom<NodeJS.Platform>('linux', 'darwin', 'win32');

const holds = <Values extends [unknown, ...unknown[]]>(
  arbitraries: { [At in keyof Values]: fc.Arbitrary<Values[At]> },
  test: (...values: Values) => void,
) =>
  fc.assert(
    fc.property(...arbitraries, (...values) => test(...(values as Values))),
    { numRuns: 500 },
  );

/** Entries in an order of their own, so that a comparison sees a `__proto__` and no order. */
const sorted = (env: EnvOverlay) => Object.entries(env).sort(([one], [other]) => (one < other ? -1 : 1));

/** Variables by the name that counts on a platform; of two spellings the last one. */
const byKey = (env: EnvOverlay, platform: Platform) =>
  new Map(
    Object.entries(env).map(([name, value]) => [platform === 'windows' ? foldCase(name) : name, value]),
  );

/** Whether the caller decides about the locale, though the facts leave it to the host. */
const decidesLocale = ({ runtime = {}, overlay = {} }: ByPolicy): boolean =>
  keepsHostLocale(runtime) && LOCALE_NAMES.some(name => typeof overlay[name] === 'string');

/** The variables that the facts say, as far as the caller leaves them to say it. */
const factsOf = (environment: ByPolicy): EnvOverlay =>
  Object.fromEntries(
    Object.entries(runtimeOverlay(environment.runtime ?? {})).filter(
      ([name]) => !decidesLocale(environment) || !LOCALE_NAMES.includes(name),
    ),
  );

/** The same environment, of which nothing gives way to the locale of a host. */
const withoutHostLocale = ({ policy, runtime, ...rest }: ByPolicy): ByPolicy => ({
  ...rest,
  policy: { ...policy, keepLocale: false },
  runtime: {
    ...runtime,
    ...(typeof runtime?.unifiedExec === 'object' && {
      unifiedExec: { ...runtime.unifiedExec, locale: 'c.utf8' as const },
    }),
  },
});

/** What the policy of a remote start gives where `base` is the environment. */
const byPolicyAlone = (environment: ByPolicy, base: Env, platform: Platform): Env =>
  buildEnv({ base, policy: remoteStartEnv(environment).envPolicy, platform });

/** The environment of a process that a remote start brings about where `base` is the environment. */
const onRemote = (environment: ProcessEnv, base: Env, platform: Platform = 'posix'): Env => {
  const { env, envPolicy } = remoteStartEnv(environment);
  return buildEnv({ base, policy: envPolicy, overlay: env, platform });
};

describe('remoteStartEnv', () => {
  it('sends the policy as it is, and excludes what Core says about itself besides', () => {
    const policy: EnvPolicy = { inherit: 'core', exclude: ['A*'], set: { B: '1' }, includeOnly: ['?'] };
    expect(remoteStartEnv({ policy, overlay: { C: '2', D: null } })).to.deep.equal({
      envPolicy: { ...policy, exclude: ['A*', ...CORE_OWNED_NAMES] },
      env: { C: '2', D: null },
    });
  });

  it('sends a policy even when none is given: without one the overlay would be all there is', () => {
    expect(remoteStartEnv({})).to.deep.equal({ envPolicy: { exclude: [...CORE_OWNED_NAMES] }, env: {} });
    expect(remoteStartEnv({ policy: { exclude: null } })).to.deep.equal(remoteStartEnv({}));
  });

  it('keeps an exact environment exact: no policy, no fact, no name more', () => {
    const exact = { A: '1', CODEX_THREAD_ID: 'mine', MY_TOKEN: '2' };
    expect(remoteStartEnv({ exact })).to.deep.equal({ env: exact });
    expect(remoteStartEnv({ exact: {} })).to.deep.equal({ env: {} });
  });

  it('has in its overlay the names that run-time facts and caller name, and no others', () => {
    holds([anyEnvironment], environment => {
      const named = [...Object.keys(factsOf(environment)), ...Object.keys(environment.overlay ?? {})];
      expect(Object.keys(remoteStartEnv(environment).env).sort()).to.deep.equal([...new Set(named)].sort());
    });
  });

  it('has in its overlay only values that the caller gave or, where it gave none, the run-time facts', () => {
    holds([anyEnvironment], environment => {
      const runtime = byKey(factsOf(environment), 'posix');
      const overlay = byKey(environment.overlay ?? {}, 'posix');
      for (const [name, value] of Object.entries(remoteStartEnv(environment).env)) {
        expect(value).to.equal(overlay.has(name) ? overlay.get(name) : runtime.get(name), name);
      }
    });
  });

  it("gives, applied to Core's own environment, exactly what a local start gives", () => {
    holds([anyEnvironment, machine('own'), anyNodePlatform], (environment, own, platform) => {
      const there = onRemote(environment, own, platformOf(platform));
      expect(sorted(there)).to.deep.equal(sorted(localStartEnv(environment, own, platform).env));
    });
  });

  it("has no value of Core's own environment in what it sends, whatever that environment and the facts are", () => {
    // Every value can be told from what the caller and the facts say.
    const marked = fc
      .tuple(anyEnv, runtimeVariables)
      .map(([env, runtime]) =>
        Object.fromEntries(
          [...Object.entries(env), ...Object.entries(runtime)].map(([name, value]) => [
            name,
            `<own>${value}`,
          ]),
        ),
      );
    holds([anyEnvironment, marked, anyNodePlatform], (environment, own, nodePlatform) => {
      const sent = remoteStartEnv(environment);
      expect(JSON.stringify(sent)).not.to.contain('<own>');
      const alone = byPolicyAlone(environment, own, platformOf(nodePlatform));
      const overlay = new Map(Object.entries(sent.env));
      expect(
        Object.entries(alone).filter(
          ([name, value]) => value.startsWith('<own>') && overlay.get(name) === value,
        ),
      ).to.deep.equal([]);
    });
  });

  it('has in its overlay all that makes the local environment differ from what the policy alone gives', () => {
    holds([anyEnvironment, machine('own'), anyNodePlatform], (environment, own, nodePlatform) => {
      const platform = platformOf(nodePlatform);
      const local = byKey(localStartEnv(environment, own, nodePlatform).env, platform);
      const alone = byKey(byPolicyAlone(environment, own, platform), platform);
      const overlay = byKey(remoteStartEnv(environment).env, platform);
      const differing = [...new Set([...local.keys(), ...alone.keys()])].filter(
        key => local.get(key) !== alone.get(key),
      );
      expect(differing.map(key => [key, overlay.get(key)])).to.deep.equal(
        differing.map(key => [key, local.get(key) ?? null]),
      );
    });
  });

  it('has a run-time variable in its overlay even where Core has the same value: the other machine may have another', () => {
    const own = { PAGER: 'cat', PATH: '/own' };
    const environment = { runtime: { unifiedExec: true } };
    expect(byPolicyAlone(environment, own, 'posix')).to.include({ PAGER: 'cat' });
    expect(remoteStartEnv(environment).env).to.include({ PAGER: 'cat' });
    expect(onRemote(environment, { PAGER: 'less', PATH: '/there' })).to.include({
      PAGER: 'cat',
      PATH: '/there',
    });
  });

  it('leaves every run-time fact as it is on any other machine', () => {
    holds(
      [anyFacts, anyPolicy, machine('there'), anyNodePlatform],
      (anyRuntime, anyPolicy, there, nodePlatform) => {
        const platform = platformOf(nodePlatform);
        const { runtime = {}, policy } = withoutHostLocale({ runtime: anyRuntime, policy: anyPolicy });
        const started = byKey(onRemote({ runtime, policy }, there, platform), platform);
        const facts = byKey(runtimeOverlay(runtime), platform);
        expect(Array.from(facts.keys(), key => [key, started.get(key)])).to.deep.equal([...facts]);
      },
    );
  });

  it('leaves the overlay of the caller as it is, in whatever spelling it names a run-time variable', () => {
    holds([anyEnvironment, machine('there'), anyNodePlatform], (anything, there, nodePlatform) => {
      const platform = platformOf(nodePlatform);
      const environment = withoutHostLocale(anything);
      const started = byKey(onRemote(environment, there, platform), platform);
      const overlay = byKey(environment.overlay ?? {}, platform);
      expect(Array.from(overlay.keys(), key => [key, started.get(key) ?? null])).to.deep.equal([...overlay]);
    });
  });

  it('lets the caller replace or remove a proxy on windows, where both spellings are one name', () => {
    const runtime = { proxyUrl: 'http://core:1' };
    const replaced = onRemote({ runtime, overlay: { HTTP_PROXY: 'http://mine:2' } }, {}, 'windows');
    expect(byKey(replaced, 'windows').get('HTTP_PROXY')).to.equal('http://mine:2');
    const removed = onRemote({ runtime, overlay: { HTTP_PROXY: null } }, {}, 'windows');
    expect(byKey(removed, 'windows').has('HTTP_PROXY')).to.equal(false);
  });

  it('leaves it to the other machine which of its own proxies a process gets', () => {
    const there = { HTTP_PROXY: 'http://there:1', http_proxy: 'http://there:2' };
    expect(onRemote({}, there)).to.deep.equal(there);
    expect(onRemote({ runtime: { proxyUrl: 'http://core:3' } }, there)).to.include({
      HTTP_PROXY: 'http://core:3',
      http_proxy: 'http://core:3',
    });
  });

  for (const name of CORE_OWNED_NAMES) {
    it(`inherits no ${name} from a server that something of Core started: it would tell of another process`, () => {
      const stale = { [name]: 'stale', [name.toLowerCase()]: 'stale', A: '1' };
      expect(onRemote({}, stale)).to.deep.equal({ A: '1' });
      expect(onRemote({ policy: { inherit: 'all', ignoreDefaultExcludes: true } }, stale)).to.deep.equal({
        A: '1',
      });
      expect(onRemote({ policy: { includeOnly: [name, 'A'] } }, stale)).to.deep.equal({ A: '1' });
      expect(localStartEnv({}, stale, 'linux')).to.deep.equal({ env: { A: '1' } });
    });

    it(`lets the caller set ${name} itself, by policy or overlay`, () => {
      const stale = { [name]: 'stale' };
      expect(onRemote({ policy: { set: { [name]: 'set' } } }, stale)).to.deep.equal({ [name]: 'set' });
      expect(onRemote({ overlay: { [name]: 'laid' } }, stale)).to.deep.equal({ [name]: 'laid' });
    });
  }

  it('leaves the locale to the other machine on request, and gives it UTF-8 where that has none', () => {
    const environment = { runtime: { unifiedExec: { locale: 'host' } } } as const;
    expect(remoteStartEnv(environment).envPolicy).to.deep.include({ keepLocale: true });
    expect(onRemote(environment, { LANG: 'de_DE.UTF-8' })).to.include({ LANG: 'de_DE.UTF-8' });
    expect(onRemote(environment, { LANG: 'de_DE.UTF-8' })).not.to.have.any.keys('LC_ALL', 'LC_CTYPE');
    expect(onRemote(environment, {})).to.include({ LANG: 'C.UTF-8', LC_CTYPE: 'C.UTF-8' });
    expect(onRemote(environment, {})).not.to.have.any.keys('LC_ALL');
    expect(onRemote({ runtime: { unifiedExec: true } }, { LANG: 'de_DE.UTF-8' })).to.include({
      LANG: 'C.UTF-8',
      LC_ALL: 'C.UTF-8',
    });
  });

  it('lets a caller who names a locale decide about it alone', () => {
    const runtime = { unifiedExec: { locale: 'host' } } as const;
    const there = { LANG: 'de_DE.UTF-8', LC_CTYPE: 'fr_FR.UTF-8' };
    const { NO_COLOR, ...asked } = onRemote({ runtime, overlay: { LANG: 'ru_RU.KOI8-R' } }, there);
    expect(NO_COLOR).to.equal('1');
    expect(asked)
      .to.include({ LANG: 'ru_RU.KOI8-R', LC_CTYPE: 'fr_FR.UTF-8' })
      .and.not.have.any.keys('LC_ALL');
    // Taking one away says nothing about the others.
    expect(onRemote({ runtime, overlay: { LC_CTYPE: null } }, there))
      .to.include({ LANG: 'de_DE.UTF-8' })
      .and.not.have.any.keys('LC_ALL', 'LC_CTYPE');
  });

  it('leaves TERM to the other machine on request', () => {
    const started = (term?: string) =>
      onRemote({ runtime: { unifiedExec: { term } } }, { TERM: 'there' }).TERM;
    expect([started(), started('xterm-256color'), started('host')]).to.deep.equal([
      'dumb',
      'xterm-256color',
      'there',
    ]);
  });

  it('inherits no other proxy where Core has one, in any spelling', () => {
    const stale = { Http_Proxy: 'stale', FTP_PROXY: 'stale', npm_config_proxy: 'stale', GOPROXY: 'kept' };
    const started = onRemote({ runtime: { proxyUrl: 'http://core:3' } }, stale);
    expect(Object.values(started)).not.to.include('stale');
    expect(started).to.include({ GOPROXY: 'kept' });
    expect(onRemote({}, stale)).to.deep.equal(stale);
  });

  it('changes none of its arguments', () => {
    const environment = Object.freeze({
      policy: Object.freeze({ exclude: Object.freeze(['A']) as string[] }),
      runtime: Object.freeze({ threadId: '1', noProxy: Object.freeze([]) }),
      overlay: Object.freeze({ B: null }),
    });
    expect(remoteStartEnv(environment).env).to.deep.equal({ CODEX_THREAD_ID: '1', B: null });
  });
});

describe('localStartEnv', () => {
  it('sends the whole environment and no policy, so that the server adds nothing of its own', () => {
    const own = { PATH: '/bin', API_KEY: 'secret', HOME: '/home/me', LANG: 'de' };
    const environment = {
      policy: { exclude: ['HOME'], set: { S: '1' } },
      runtime: { threadId: 'thread' },
      overlay: { LANG: null, O: '2' },
    };
    expect(localStartEnv(environment, own, 'linux')).to.deep.equal({
      env: { PATH: '/bin', S: '1', CODEX_THREAD_ID: 'thread', O: '2' },
    });
  });

  it('keeps an exact environment exact', () => {
    const exact = { A: '1', MY_TOKEN: '2', CODEX_CI: '3' };
    expect(localStartEnv({ exact }, { PATH: '/bin' }, 'linux')).to.deep.equal({ env: exact });
  });

  it('is what policy, run-time facts and overlay make one after the other', () => {
    holds([anyEnvironment, machine('own')], (environment, own) => {
      const { policy = {}, runtime = {}, overlay = {} } = withoutHostLocale(environment);
      const exclude = [...(policy.exclude ?? []), ...ownedByCore(runtime)];
      const byPolicy = applyEnvPolicy({ ...policy, exclude }, own, 'posix');
      const withFacts = applyOverlay(runtimeOverlay(runtime), byPolicy, 'posix');
      expect(sorted(localStartEnv(withoutHostLocale(environment), own, 'linux').env)).to.deep.equal(
        sorted(applyOverlay(overlay, withFacts, 'posix')),
      );
    });
  });

  it('has no null left: the environment is complete', () => {
    holds([anyEnvironment, machine('own'), anyNodePlatform], (environment, own, platform) => {
      const { env, ...rest } = localStartEnv(environment, own, platform);
      expect(Object.values(env).filter(value => typeof value !== 'string')).to.deep.equal([]);
      expect(rest).to.deep.equal({});
    });
  });

  for (const base of ['login', 'loginInteractive'] as const) {
    it(`leaves base ${base} to the server, which alone asks a shell`, () => {
      const environment = {
        policy: { base, set: { S: '1' } },
        runtime: { threadId: 'thread' },
        overlay: { O: '2' },
      };
      expect(localStartEnv(environment, { PATH: '/bin' }, 'linux')).to.deep.equal(
        remoteStartEnv(environment),
      );
    });
  }

  it('makes base process here, and that of a policy that names none', () => {
    for (const base of ['process', null, undefined] as const) {
      expect(localStartEnv({ policy: { base } }, { PATH: '/bin' }, 'linux')).to.deep.equal({
        env: { PATH: '/bin' },
      });
    }
  });

  it('takes names as windows does on windows: one spelling each, and a PATHEXT', () => {
    const own = { Path: 'C:\\bin', TEMP: 'C:\\temp' };
    expect(localStartEnv({ overlay: { PATH: 'D:\\bin' } }, own, 'win32')).to.deep.equal({
      env: { Path: 'D:\\bin', TEMP: 'C:\\temp', PATHEXT: '.COM;.EXE;.BAT;.CMD' },
    });
  });
});
