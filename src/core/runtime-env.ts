import { type EnvOverlay, foldCase } from '../shared-config/index.ts';
import { hasProxy, PROXY_PATTERNS, type ProxyFacts, proxyVariables } from './proxy-env.ts';

/** Facts known at run time that become variables of processes. */
export type RuntimeFacts = ProxyFacts & {
  /** The conversation that a process belongs to. */
  readonly threadId?: string;
  /** The session of the agent, which can have several conversations. */
  readonly sessionId?: string;
  /** The tool call that starts the process. */
  readonly toolCallId?: string;
  /** True or an object if the output is read by a program: no colours, no pager, UTF-8. */
  readonly unifiedExec?: boolean | UnifiedExecFacts;
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

/** Names that describe the client of a server to a process, and that a policy may not set either. */
const SET_BY_NO_POLICY = [
  'CODEX_PERMISSION_PROFILE',
  'CODEX_VERSION',
  'CODEX_APPLY_PATCH_PRESERVE_LINE_ENDINGS',
  'CODEX_PLUGIN_METRICS_OUTPUT',
] as const;

/**
 * Names that describe Core to a process. One that the server inherited would describe another client, so a start by
 * policy removes them unless Core sets them.
 */
export const CORE_OWNED_NAMES = [
  'CODEX_THREAD_ID',
  'CODEX_SESSION_ID',
  'CODEX_TOOL_CALL_ID',
  'CODEX_CI',
  'CODEX_SANDBOX',
  'CODEX_SANDBOX_NETWORK_DISABLED',
  ...SET_BY_NO_POLICY,
] as const;

/** Returns patterns of the names that a start with these facts does not inherit: they would contradict Core. */
export const ownedByCore = (facts: RuntimeFacts): readonly string[] =>
  hasProxy(facts) ? [...CORE_OWNED_NAMES, ...PROXY_PATTERNS] : CORE_OWNED_NAMES;

/** Returns true if the `set` of a policy may set a name, in any case. */
export const isSettable = (name: string): boolean =>
  !(SET_BY_NO_POLICY as readonly string[]).includes(foldCase(name));

/**
 * Returns the variables for these facts; none is taken from Core's own environment.
 *
 * @throws {TypeError} for the URL of a proxy that is none
 */
export const runtimeOverlay = (facts: RuntimeFacts): EnvOverlay => ({
  ...(facts.threadId !== undefined && { CODEX_THREAD_ID: facts.threadId }),
  ...(facts.sessionId !== undefined && { CODEX_SESSION_ID: facts.sessionId }),
  ...(facts.toolCallId !== undefined && { CODEX_TOOL_CALL_ID: facts.toolCallId }),
  ...unifiedExecVariables(facts.unifiedExec ?? false),
  ...proxyVariables(facts),
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
