import type { EnvOverlay } from '../shared-config/index.ts';

/** Facts known at run time that become variables of processes. */
export type RuntimeFacts = {
  /** The conversation that a process belongs to. */
  readonly threadId?: string;
  /** True or an object if the output is read by a program: no colours, no pager, UTF-8. */
  readonly unifiedExec?: boolean | UnifiedExecFacts;
  /** The network proxy that processes must use, as a URL. */
  readonly proxyUrl?: string;
  /** Hosts that are reached without the proxy; only with `proxyUrl`. */
  readonly noProxy?: readonly string[];
  /** The kind of sandbox that the process runs in: `seatbelt`, `bwrap`, … */
  readonly sandbox?: string;
  /** True if the sandbox has no network. */
  readonly networkDisabled?: boolean;
};

/** Options of output for a program. */
export type UnifiedExecFacts = {
  /**
   * `c.utf8` (default): the locale `C.UTF-8`. `host`: the locale of the machine if it uses UTF-8, otherwise `C.UTF-8`;
   * `LC_ALL` is only set if the machine sets it.
   */
  readonly locale?: 'c.utf8' | 'host' | undefined;
  /** The value of `TERM`. Default: `dumb`. `host` keeps the value of the machine. */
  readonly term?: string | undefined;
};

/**
 * Names that describe Core to a process. One that the server inherited would describe another client, so a start by
 * policy removes them unless Core sets them.
 */
export const CORE_OWNED_NAMES = [
  'CODEX_THREAD_ID',
  'CODEX_CI',
  'CODEX_SANDBOX',
  'CODEX_SANDBOX_NETWORK_DISABLED',
] as const;

/** Returns patterns of the names that a start with these facts does not inherit: they would contradict Core. */
export const ownedByCore = ({ proxyUrl }: RuntimeFacts): readonly string[] =>
  proxyUrl === undefined ? CORE_OWNED_NAMES : [...CORE_OWNED_NAMES, ...PROXY_NAMES];

// Also FTP_PROXY, npm_config_https_proxy, YARN_HTTP_PROXY and others: with any of them a process would bypass the proxy
// that it must use.
const PROXY_NAMES = ['*_PROXY', '*_NOPROXY'];

/** Returns the variables for these facts; none is taken from Core's own environment. */
export const runtimeOverlay = (facts: RuntimeFacts): EnvOverlay => ({
  ...(facts.threadId !== undefined && { CODEX_THREAD_ID: facts.threadId }),
  ...unifiedExecVariables(facts.unifiedExec ?? false),
  ...(facts.proxyUrl !== undefined && proxyVariables(facts.proxyUrl, facts.noProxy ?? [])),
  ...(facts.sandbox !== undefined && { CODEX_SANDBOX: facts.sandbox }),
  ...(facts.networkDisabled === true && { CODEX_SANDBOX_NETWORK_DISABLED: '1' }),
});

/** True if the locale of the machine takes precedence over the overlay. */
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

// Some programs read these names in lower case only (curl: http_proxy), others in upper case only.
const proxyVariables = (url: string, noProxy: readonly string[]): EnvOverlay => {
  const upper = { HTTP_PROXY: url, HTTPS_PROXY: url, ALL_PROXY: url, NO_PROXY: noProxy.join(',') };
  const lower = Object.fromEntries(Object.entries(upper).map(([name, value]) => [name.toLowerCase(), value]));
  return { ...upper, ...lower };
};
