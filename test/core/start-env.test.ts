import { expect } from 'chai';
import fc from 'fast-check';
import {
  CORE_OWNED_NAMES,
  isSettable,
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
import { sortedEntries } from '../shared-config/sorted-entries.ts';
import { holds } from '../support/holds.ts';

type ByPolicy = Exclude<ProcessEnv, { readonly exact: Env }>;

const RUNTIME_NAMES = Object.keys(
  runtimeOverlay({
    threadId: '',
    toolCallId: '',
    unifiedExec: true,
    proxyUrl: 'http://proxy:1',
    sandbox: '',
    networkDisabled: true,
  }),
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

// Few values, so that a fact is often equal to the value of the environment.
const word = fc.constantFrom('', 'cat', '1', 'dumb', 'http://proxy:1');

const anyFacts: fc.Arbitrary<RuntimeFacts> = fc.record(
  {
    threadId: word,
    toolCallId: word,
    unifiedExec: anyUnifiedExec,
    proxyUrl: fc.constantFrom('http://proxy:1', 'socks5://proxy:2'),
    socksProxyUrl: fc.constant('socks5h://proxy:2'),
    allowLocalBinding: fc.boolean(),
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

/** The environment of a machine; its values are marked with its name. */
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

/** Variables by the name as the platform compares it; of two spellings the last one. */
const byKey = (env: EnvOverlay, platform: Platform) =>
  new Map(
    Object.entries(env).map(([name, value]) => [platform === 'windows' ? foldCase(name) : name, value]),
  );

/** True if the caller sets the locale, although the facts leave it to the host. */
const decidesLocale = ({ runtime = {}, overlay = {} }: ByPolicy): boolean =>
  keepsHostLocale(runtime) && LOCALE_NAMES.some(name => typeof overlay[name] === 'string');

/** The variables of the facts, except those that the caller overrides. */
const factsOf = (environment: ByPolicy): EnvOverlay =>
  Object.fromEntries(
    Object.entries(runtimeOverlay(environment.runtime ?? {})).filter(
      ([name]) => !decidesLocale(environment) || !LOCALE_NAMES.includes(name),
    ),
  );

/** The same environment without `locale: 'host'`. */
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

/** The result of the policy of a remote start for the environment `base`. */
const byPolicyAlone = (environment: ByPolicy, base: Env, platform: Platform): Env =>
  buildEnv({ base, policy: remoteStartEnv(environment).envPolicy, platform });

/** The environment of a process of a remote start, for the environment `base`. */
const onRemote = (environment: ProcessEnv, base: Env, platform: Platform = 'posix'): Env => {
  const { env, envPolicy } = remoteStartEnv(environment);
  return buildEnv({ base, policy: envPolicy, overlay: env, platform });
};

/** True for a name that the policy may set; the id of a tool call belongs to one process. */
const isInPolicy = (name: string): boolean => isSettable(name) && name !== 'CODEX_TOOL_CALL_ID';

describe('remoteStartEnv', () => {
  it('sends no name that is withheld from all processes', () => {
    const mine = { OPENAI_IDENTITY_TOKEN_FILE: 'mine', openai_federation_rule_id: 'mine', A: '1' };
    expect(remoteStartEnv({ exact: mine })).to.deep.equal({ env: { A: '1' } });
    expect(remoteStartEnv({ policy: { set: mine }, overlay: mine })).to.deep.equal({
      envPolicy: { set: { A: '1' }, exclude: [...CORE_OWNED_NAMES] },
      env: { A: '1' },
    });
  });

  it('removes names from set that describe Core, in any case', () => {
    const set = { CODEX_VERSION: '1', codex_permission_profile: 'p', CODEX_HOME: '/h' };
    expect(remoteStartEnv({ policy: { set } }).envPolicy?.set).to.deep.equal({ CODEX_HOME: '/h' });
  });

  it('sends the policy, and also excludes the names that Core owns', () => {
    const policy: EnvPolicy = { inherit: 'core', exclude: ['A*'], set: { B: '1' }, includeOnly: ['?'] };
    expect(remoteStartEnv({ policy, overlay: { C: '2', D: null } })).to.deep.equal({
      envPolicy: { ...policy, exclude: ['A*', ...CORE_OWNED_NAMES] },
      env: { C: '2', D: null },
    });
  });

  it('sends an empty policy by default: without one the overlay would be the whole environment', () => {
    expect(remoteStartEnv({})).to.deep.equal({ envPolicy: { exclude: [...CORE_OWNED_NAMES] }, env: {} });
    expect(remoteStartEnv({ policy: { exclude: null } })).to.deep.equal(remoteStartEnv({}));
  });

  it('sends an exact environment without policy, facts or other names', () => {
    const exact = { A: '1', CODEX_THREAD_ID: 'mine', MY_TOKEN: '2' };
    expect(remoteStartEnv({ exact })).to.deep.equal({ env: exact });
    expect(remoteStartEnv({ exact: {} })).to.deep.equal({ env: {} });
  });

  it('has the names of the facts and of the caller in its overlay, and no others', () => {
    holds([anyEnvironment], environment => {
      const named = [...Object.keys(factsOf(environment)), ...Object.keys(environment.overlay ?? {})];
      expect(Object.keys(remoteStartEnv(environment).env).sort()).to.deep.equal([...new Set(named)].sort());
    });
  });

  it('has the values of the caller in its overlay, and otherwise those of the facts', () => {
    holds([anyEnvironment], environment => {
      const runtime = byKey(factsOf(environment), 'posix');
      const overlay = byKey(environment.overlay ?? {}, 'posix');
      for (const [name, value] of Object.entries(remoteStartEnv(environment).env)) {
        expect(value).to.equal(overlay.has(name) ? overlay.get(name) : runtime.get(name), name);
      }
    });
  });

  it("returns the same as a local start if it is applied to Core's own environment", () => {
    holds([anyEnvironment, machine('own'), anyNodePlatform], (environment, own, platform) => {
      const there = onRemote(environment, own, platformOf(platform));
      expect(sortedEntries(there)).to.deep.equal(
        sortedEntries(localStartEnv(environment, own, platform).env),
      );
    });
  });

  it("sends no value of Core's own environment", () => {
    // Every value is marked, unlike those of the caller and the facts.
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

  it('has every difference between the local environment and the result of the policy in its overlay', () => {
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

  it('has a run-time variable in its overlay even if Core has the same value: the other machine may have another', () => {
    const own = { PAGER: 'cat', PATH: '/own' };
    const environment = { runtime: { unifiedExec: true } };
    expect(byPolicyAlone(environment, own, 'posix')).to.include({ PAGER: 'cat' });
    expect(remoteStartEnv(environment).env).to.include({ PAGER: 'cat' });
    expect(onRemote(environment, { PAGER: 'less', PATH: '/there' })).to.include({
      PAGER: 'cat',
      PATH: '/there',
    });
  });

  it('sets every run-time fact on any other machine', () => {
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

  it('prefers the overlay of the caller, in any spelling of a run-time variable', () => {
    holds([anyEnvironment, machine('there'), anyNodePlatform], (anything, there, nodePlatform) => {
      const platform = platformOf(nodePlatform);
      const environment = withoutHostLocale(anything);
      const started = byKey(onRemote(environment, there, platform), platform);
      const overlay = byKey(environment.overlay ?? {}, platform);
      expect(Array.from(overlay.keys(), key => [key, started.get(key) ?? null])).to.deep.equal([...overlay]);
    });
  });

  it('lets the caller replace or remove a proxy on windows, where names ignore case', () => {
    const runtime = { proxyUrl: 'http://core:1' };
    const replaced = onRemote({ runtime, overlay: { HTTP_PROXY: 'http://mine:2' } }, {}, 'windows');
    expect(byKey(replaced, 'windows').get('HTTP_PROXY')).to.equal('http://mine:2');
    const removed = onRemote({ runtime, overlay: { HTTP_PROXY: null } }, {}, 'windows');
    expect(byKey(removed, 'windows').has('HTTP_PROXY')).to.equal(false);
  });

  it('keeps the proxies of the other machine without a proxy of Core', () => {
    const there = { HTTP_PROXY: 'http://there:1', http_proxy: 'http://there:2' };
    expect(onRemote({}, there)).to.deep.equal(there);
    expect(onRemote({ runtime: { proxyUrl: 'http://core:3' } }, there)).to.include({
      HTTP_PROXY: 'http://core:3',
      http_proxy: 'http://core:3',
    });
  });

  for (const name of CORE_OWNED_NAMES) {
    it(`does not inherit ${name} from a server that Core has started`, () => {
      const stale = { [name]: 'stale', [name.toLowerCase()]: 'stale', A: '1' };
      expect(onRemote({}, stale)).to.deep.equal({ A: '1' });
      expect(onRemote({ policy: { inherit: 'all', ignoreDefaultExcludes: true } }, stale)).to.deep.equal({
        A: '1',
      });
      expect(onRemote({ policy: { includeOnly: [name, 'A'] } }, stale)).to.deep.equal({ A: '1' });
      expect(localStartEnv({}, stale, 'linux')).to.deep.equal({ env: { A: '1' } });
    });

    it(`lets the caller set ${name} by overlay, ${isInPolicy(name) ? 'and' : 'but not'} by policy`, () => {
      const stale = { [name]: 'stale' };
      expect(onRemote({ policy: { set: { [name]: 'set' } } }, stale)).to.deep.equal(
        isInPolicy(name) ? { [name]: 'set' } : {},
      );
      expect(onRemote({ overlay: { [name]: 'laid' } }, stale)).to.deep.equal({ [name]: 'laid' });
    });
  }

  it('keeps the locale of the other machine on request, or sets C.UTF-8 if that is not UTF-8', () => {
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

  it('lets a caller that sets a locale decide about all of it', () => {
    const runtime = { unifiedExec: { locale: 'host' } } as const;
    const there = { LANG: 'de_DE.UTF-8', LC_CTYPE: 'fr_FR.UTF-8' };
    const { NO_COLOR, ...asked } = onRemote({ runtime, overlay: { LANG: 'ru_RU.KOI8-R' } }, there);
    expect(NO_COLOR).to.equal('1');
    expect(asked)
      .to.include({ LANG: 'ru_RU.KOI8-R', LC_CTYPE: 'fr_FR.UTF-8' })
      .and.not.have.any.keys('LC_ALL');
    // The removal of one does not affect the others.
    expect(onRemote({ runtime, overlay: { LC_CTYPE: null } }, there))
      .to.include({ LANG: 'de_DE.UTF-8' })
      .and.not.have.any.keys('LC_ALL', 'LC_CTYPE');
  });

  it('keeps TERM of the other machine on request', () => {
    const started = (term?: string) =>
      onRemote({ runtime: { unifiedExec: { term } } }, { TERM: 'there' }).TERM;
    expect([started(), started('xterm-256color'), started('host')]).to.deep.equal([
      'dumb',
      'xterm-256color',
      'there',
    ]);
  });

  it('inherits no other proxy if Core has one, in any spelling', () => {
    const stale = { Http_Proxy: 'stale', FTP_PROXY: 'stale', npm_config_proxy: 'stale', GOPROXY: 'kept' };
    const started = onRemote({ runtime: { proxyUrl: 'http://core:3' } }, stale);
    expect(Object.values(started)).not.to.include('stale');
    expect(started).to.include({ GOPROXY: 'kept' });
    expect(onRemote({}, stale)).to.deep.equal(stale);
  });

  it('does not change its arguments', () => {
    const environment = Object.freeze({
      policy: Object.freeze({ exclude: Object.freeze(['A']) as string[] }),
      runtime: Object.freeze({ threadId: '1', noProxy: Object.freeze([]) }),
      overlay: Object.freeze({ B: null }),
    });
    expect(remoteStartEnv(environment).env).to.deep.equal({ CODEX_THREAD_ID: '1', B: null });
  });
});

describe('localStartEnv', () => {
  it('sends the whole environment without a policy, so that the server adds nothing', () => {
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

  it('returns an exact environment unchanged', () => {
    const exact = { A: '1', MY_TOKEN: '2', CODEX_CI: '3' };
    expect(localStartEnv({ exact }, { PATH: '/bin' }, 'linux')).to.deep.equal({ env: exact });
  });

  it('applies the policy, the run-time facts and the overlay in this order', () => {
    holds([anyEnvironment, machine('own')], (environment, own) => {
      const { policy = {}, runtime = {}, overlay = {} } = withoutHostLocale(environment);
      const exclude = [...(policy.exclude ?? []), ...ownedByCore(runtime)];
      const byPolicy = applyEnvPolicy({ ...policy, exclude }, own, 'posix');
      const withFacts = applyOverlay(runtimeOverlay(runtime), byPolicy, 'posix');
      expect(sortedEntries(localStartEnv(withoutHostLocale(environment), own, 'linux').env)).to.deep.equal(
        sortedEntries(applyOverlay(overlay, withFacts, 'posix')),
      );
    });
  });

  it('has no null: the environment is complete', () => {
    holds([anyEnvironment, machine('own'), anyNodePlatform], (environment, own, platform) => {
      const { env, ...rest } = localStartEnv(environment, own, platform);
      expect(Object.values(env).filter(value => typeof value !== 'string')).to.deep.equal([]);
      expect(rest).to.deep.equal({});
    });
  });

  for (const base of ['login', 'loginInteractive'] as const) {
    it(`leaves base ${base} to the server, which runs the shell`, () => {
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

  it('builds base process on this side, also if the policy has no base', () => {
    for (const base of ['process', null, undefined] as const) {
      expect(localStartEnv({ policy: { base } }, { PATH: '/bin' }, 'linux')).to.deep.equal({
        env: { PATH: '/bin' },
      });
    }
  });

  it('ignores case of names on windows, and adds PATHEXT', () => {
    const own = { Path: 'C:\\bin', TEMP: 'C:\\temp' };
    expect(localStartEnv({ overlay: { PATH: 'D:\\bin' } }, own, 'win32')).to.deep.equal({
      env: { Path: 'D:\\bin', TEMP: 'C:\\temp', PATHEXT: '.COM;.EXE;.BAT;.CMD' },
    });
  });
});
