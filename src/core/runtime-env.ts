import type { EnvOverlay } from '../shared-config/index.ts';

/** What Core knows only at run time and tells to the processes it starts. */
export type RuntimeFacts = {
  /** The conversation that a process belongs to. */
  readonly threadId?: string;
  /** The output is for a program: no colours, no pager, UTF-8. `true` is the same as `{}`. */
  readonly unifiedExec?: boolean | UnifiedExecFacts;
  /** The network proxy that processes must use, as a URL. */
  readonly proxyUrl?: string;
  /** Hosts that are reached without it; only with `proxyUrl`. */
  readonly noProxy?: readonly string[];
  /** The kind of sandbox that the process runs in: `seatbelt`, `bwrap`, … */
  readonly sandbox?: string;
  /** The sandbox has no network. */
  readonly networkDisabled?: boolean;
};

/** What may be different about output for a program. */
export type UnifiedExecFacts = {
  /**
   * `c.utf8` (default): the locale `C.UTF-8`, whatever the machine has. `host`: the machine's own if that has
   * UTF-8, otherwise `C.UTF-8`, but never an `LC_ALL` where the machine has none.
   */
  readonly locale?: 'c.utf8' | 'host' | undefined;
  /** What kind of terminal `TERM` says there is: `dumb` unless given; `host` leaves the machine's own. */
  readonly term?: string | undefined;
};

/**
 * Names whose presence tells a process something about Core. One that a server inherited from elsewhere
 * would be a lie, so a start by policy leaves them out unless Core itself sets them.
 */
export const CORE_OWNED_NAMES = [
  'CODEX_THREAD_ID',
  'CODEX_CI',
  'CODEX_SANDBOX',
  'CODEX_SANDBOX_NETWORK_DISABLED',
] as const;

/** The names, as patterns, that a start with these facts inherits from nobody: they would contradict Core. */
export const ownedByCore = ({ proxyUrl }: RuntimeFacts): readonly string[] =>
  proxyUrl === undefined ? CORE_OWNED_NAMES : [...CORE_OWNED_NAMES, ...PROXY_NAMES];

// Beside the names that are set below: FTP_PROXY, npm_config_https_proxy, YARN_HTTP_PROXY, … Any of them
// would lead past the proxy that processes must use.
const PROXY_NAMES = ['*_PROXY', '*_NOPROXY'];

/** The variables that say these facts; nothing else, and nothing of Core's own environment. */
export const runtimeOverlay = (facts: RuntimeFacts): EnvOverlay => ({
  ...(facts.threadId !== undefined && { CODEX_THREAD_ID: facts.threadId }),
  ...unifiedExecVariables(facts.unifiedExec ?? false),
  ...(facts.proxyUrl !== undefined && proxyVariables(facts.proxyUrl, facts.noProxy ?? [])),
  ...(facts.sandbox !== undefined && { CODEX_SANDBOX: facts.sandbox }),
  ...(facts.networkDisabled === true && { CODEX_SANDBOX_NETWORK_DISABLED: '1' }),
});

/** Whether the machine's own locale comes before the one of the overlay. */
export const keepsHostLocale = ({ unifiedExec }: RuntimeFacts): boolean =>
  typeof unifiedExec === 'object' && unifiedExec.locale === 'host';

const unifiedExecVariables = (unifiedExec: boolean | UnifiedExecFacts): EnvOverlay => {
  if (unifiedExec === false) return {};
  const { term = 'dumb' } = unifiedExec === true ? {} : unifiedExec;
  return { ...UNIFIED_EXEC, ...LOCALE, ...(term !== 'host' && { TERM: term }) };
};

const UNIFIED_EXEC = {
  NO_COLOR: '1',
  COLORTERM: '',
  PAGER: 'cat',
  GIT_PAGER: 'cat',
  GH_PAGER: 'cat',
  CODEX_CI: '1',
} as const;

const LOCALE = { LANG: 'C.UTF-8', LC_CTYPE: 'C.UTF-8', LC_ALL: 'C.UTF-8' } as const;

// Programs disagree about the case of these names: curl reads http_proxy only in lower case, others only
// in upper case.
const proxyVariables = (url: string, noProxy: readonly string[]): EnvOverlay => {
  const upper = { HTTP_PROXY: url, HTTPS_PROXY: url, ALL_PROXY: url, NO_PROXY: noProxy.join(',') };
  const lower = Object.fromEntries(Object.entries(upper).map(([name, value]) => [name.toLowerCase(), value]));
  return { ...upper, ...lower };
};
