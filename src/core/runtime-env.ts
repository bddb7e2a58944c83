import type { EnvOverlay } from '../shared-config/index.ts';

/** What Core knows only at run time and tells to the processes it starts. */
export type RuntimeFacts = {
  /** The conversation that a process belongs to. */
  readonly threadId?: string;
  /** The output is for a program: no colours, no pager, UTF-8. */
  readonly unifiedExec?: boolean;
  /** The network proxy that processes must use, as a URL. */
  readonly proxyUrl?: string;
  /** Hosts that are reached without it; only with `proxyUrl`. */
  readonly noProxy?: readonly string[];
  /** The kind of sandbox that the process runs in: `seatbelt`, `bwrap`, … */
  readonly sandbox?: string;
  /** The sandbox has no network. */
  readonly networkDisabled?: boolean;
};

/**
 * Names whose presence tells a process something about Core. One that a server inherited from elsewhere
 * would be a lie, so a remote start leaves them out unless Core itself sets them.
 */
export const CORE_NAMES = [
  'CODEX_THREAD_ID',
  'CODEX_CI',
  'CODEX_SANDBOX',
  'CODEX_SANDBOX_NETWORK_DISABLED',
] as const;

/** The variables that say these facts; nothing else, and nothing of Core's own environment. */
export const runtimeOverlay = (facts: RuntimeFacts): EnvOverlay => ({
  ...(facts.threadId !== undefined && { CODEX_THREAD_ID: facts.threadId }),
  ...(facts.unifiedExec === true && UNIFIED_EXEC),
  ...(facts.proxyUrl !== undefined && proxyVariables(facts.proxyUrl, facts.noProxy ?? [])),
  ...(facts.sandbox !== undefined && { CODEX_SANDBOX: facts.sandbox }),
  ...(facts.networkDisabled === true && { CODEX_SANDBOX_NETWORK_DISABLED: '1' }),
});

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
} as const;

// Programs disagree about the case of these names: curl reads http_proxy only in lower case, others only
// in upper case.
const proxyVariables = (url: string, noProxy: readonly string[]): EnvOverlay => {
  const upper = { HTTP_PROXY: url, HTTPS_PROXY: url, ALL_PROXY: url, NO_PROXY: noProxy.join(',') };
  const lower = Object.fromEntries(Object.entries(upper).map(([name, value]) => [name.toLowerCase(), value]));
  return { ...upper, ...lower };
};
