import { expect } from 'chai';
import fc from 'fast-check';
import { proxyVariables } from '../../src/core/proxy-env.ts';
import {
  CORE_OWNED_NAMES,
  isSettable,
  keepsHostLocale,
  ownedByCore,
  type RuntimeFacts,
  runtimeOverlay,
} from '../../src/core/runtime-env.ts';
import { applyEnvPolicy } from '../../src/shared-config/index.ts';

const UNIFIED_EXEC = {
  NO_COLOR: '1',
  TERM: 'dumb',
  LANG: 'C.UTF-8',
  LC_CTYPE: 'C.UTF-8',
  LC_ALL: 'C.UTF-8',
  COLORTERM: '',
  PAGER: 'cat',
  GIT_PAGER: 'cat',
  GH_PAGER: 'cat',
  CODEX_CI: '1',
};

/** Names of facts about the proxy. */
const PROXY_FACTS = ['proxyUrl', 'socksProxyUrl', 'noProxy', 'allowLocalBinding'];

const { TERM: _, ...withoutTerm } = UNIFIED_EXEC;

const EVERY_FACT: Required<RuntimeFacts> = {
  threadId: 'thread',
  sessionId: 'session',
  toolCallId: 'call',
  unifiedExec: true,
  proxyUrl: 'http://proxy:3128',
  socksProxyUrl: 'socks5://proxy:1080',
  noProxy: ['localhost', '.internal'],
  allowLocalBinding: true,
  sandbox: 'bwrap',
  networkDisabled: true,
};

describe('runtimeOverlay', () => {
  const facts: Array<[title: string, facts: RuntimeFacts, variables: Record<string, string>]> = [
    ['nothing without facts', {}, {}],
    ['the conversation', { threadId: '0198-abc' }, { CODEX_THREAD_ID: '0198-abc' }],
    ['a conversation whose id is empty', { threadId: '' }, { CODEX_THREAD_ID: '' }],
    ['the session of the agent', { sessionId: 's-1' }, { CODEX_SESSION_ID: 's-1' }],
    ['the tool call', { toolCallId: 'call_1' }, { CODEX_TOOL_CALL_ID: 'call_1' }],
    ['output for a program, with a COLORTERM that is there and empty', { unifiedExec: true }, UNIFIED_EXEC],
    ['the same for a unified exec that asks for nothing special', { unifiedExec: {} }, UNIFIED_EXEC],
    ['the same with the locale asked for by name', { unifiedExec: { locale: 'c.utf8' } }, UNIFIED_EXEC],
    [
      'a locale to fall back to where the host comes first',
      { unifiedExec: { locale: 'host' } },
      UNIFIED_EXEC,
    ],
    [
      'the terminal asked for',
      { unifiedExec: { term: 'xterm-256color' } },
      { ...UNIFIED_EXEC, TERM: 'xterm-256color' },
    ],
    ['no terminal where the host says it', { unifiedExec: { term: 'host' } }, withoutTerm],
    ['the sandbox', { sandbox: 'seatbelt' }, { CODEX_SANDBOX: 'seatbelt' }],
    ['a sandbox without network', { networkDisabled: true }, { CODEX_SANDBOX_NETWORK_DISABLED: '1' }],
    ['nothing for what is not so', { unifiedExec: false, networkDisabled: false }, {}],
    ['nothing for exceptions from no proxy', { noProxy: ['localhost'] }, {}],
  ];
  for (const [title, given, variables] of facts) {
    it(`sets variables for ${title}`, () => {
      expect(runtimeOverlay(given)).to.deep.equal(variables);
    });
  }

  it('sets separate variables for each fact', () => {
    const oneByOne = Object.entries(EVERY_FACT).map(([name, value]) =>
      PROXY_FACTS.includes(name) ? proxyVariables(EVERY_FACT) : runtimeOverlay({ [name]: value }),
    );
    expect(runtimeOverlay(EVERY_FACT)).to.deep.equal(Object.assign({}, ...oneByOne));
  });

  it('takes values from the facts only, unchanged', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(text, text, text, fc.webUrl(), (threadId, toolCallId, sandbox, proxyUrl) => {
        expect(runtimeOverlay({ threadId, toolCallId, proxyUrl, sandbox })).to.include({
          CODEX_THREAD_ID: threadId,
          CODEX_TOOL_CALL_ID: toolCallId,
          HTTP_PROXY: proxyUrl,
          https_proxy: proxyUrl,
          CODEX_SANDBOX: sandbox,
        });
      }),
    );
  });
});

describe('CORE_OWNED_NAMES', () => {
  it('include all CODEX_ names that Core sets, except those of the proxy', () => {
    const own = Object.keys(runtimeOverlay(EVERY_FACT)).filter(name => /^CODEX_(?!NETWORK_)/.test(name));
    expect(CORE_OWNED_NAMES).to.include.members(own);
  });

  it('cannot all be set by a policy', () => {
    expect(CORE_OWNED_NAMES.filter(name => !isSettable(name))).to.deep.equal([
      'CODEX_PERMISSION_PROFILE',
      'CODEX_VERSION',
      'CODEX_APPLY_PATCH_PRESERVE_LINE_ENDINGS',
      'CODEX_PLUGIN_METRICS_OUTPUT',
    ]);
    expect(isSettable('codex_version')).to.equal(false);
  });
});

describe('ownedByCore', () => {
  const inherited = (facts: RuntimeFacts, ...names: string[]) =>
    Object.keys(
      applyEnvPolicy(
        { exclude: [...ownedByCore(facts)] },
        Object.fromEntries(names.map(name => [name, 'stale'])),
        'posix',
      ),
    );

  const proxies = [
    'HTTP_PROXY',
    'https_proxy',
    'Http_Proxy',
    'FTP_PROXY',
    'NO_PROXY',
    'npm_config_https_proxy',
  ];

  it('include the names of Core for any facts', () => {
    expect(inherited({}, ...CORE_OWNED_NAMES, 'CODEX_HOME', ...proxies)).to.deep.equal([
      'CODEX_HOME',
      ...proxies,
    ]);
  });

  it('include all proxy variables if there is a proxy', () => {
    const names = [
      ...proxies,
      'YARN_HTTP_PROXY',
      'WSS_PROXY',
      'npm_config_noproxy',
      'GLOBAL_AGENT_HTTP_PROXY',
      'CODEX_NETWORK_PROXY_ACTIVE',
      ...CORE_OWNED_NAMES,
    ];
    expect(inherited({ proxyUrl: 'http://proxy:1' }, ...names, 'GOPROXY', 'PROXY')).to.deep.equal([
      'GOPROXY',
      'PROXY',
    ]);
  });

  it('match every proxy variable that is set', () => {
    for (const facts of [{ proxyUrl: 'http://proxy:1' }, { socksProxyUrl: 'socks5://proxy:2' }]) {
      expect(inherited(facts, ...Object.keys(runtimeOverlay(facts)))).to.deep.equal([]);
    }
  });
});

describe('keepsHostLocale', () => {
  it('is true if unifiedExec.locale is host', () => {
    const facts: RuntimeFacts[] = [
      {},
      { unifiedExec: true },
      { unifiedExec: {} },
      { unifiedExec: { locale: 'c.utf8' } },
      { unifiedExec: { locale: 'host' } },
    ];
    expect(facts.map(keepsHostLocale)).to.deep.equal([false, false, false, false, true]);
  });
});
