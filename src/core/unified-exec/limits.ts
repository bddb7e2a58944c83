/** The limits of waits, results and sessions; the constructor of `UnifiedExec` can change them. */
export type UnifiedExecLimits = {
  /** Minimum wait of `execCommand` and of a write with input, in milliseconds. */
  readonly minYieldMs: number;
  /** Maximum wait of these, in milliseconds. */
  readonly maxYieldMs: number;
  /** Default wait of `execCommand`, in milliseconds. */
  readonly execYieldMs: number;
  /** Time without output of background processes, after the exit of a command, that ends a wait, in milliseconds. */
  readonly backgroundYieldMs: number;
  /** Default wait of a write with input, in milliseconds. */
  readonly writeYieldMs: number;
  /** Minimum wait of `writeStdin` without input, in milliseconds: it keeps callers from polling fast. */
  readonly minPollMs: number;
  /** Maximum wait of `writeStdin` without input, in milliseconds. */
  readonly maxPollMs: number;
  /** Maximum wait of `end` and `close` for the end of a process, in milliseconds. */
  readonly endWaitMs: number;
  /** Default limit of the output in a result, in tokens. */
  readonly outputTokens: number;
  /** Output of one process kept between two results, head and tail together, in bytes. */
  readonly keptBytes: number;
  /** Open sessions at most; a further one ends another. */
  readonly maxSessions: number;
  /** Number of open sessions from which on results carry a warning. */
  readonly warnAtSessions: number;
  /** Number of most recently used sessions that are never ended for a new one. */
  readonly protectedSessions: number;
};

/** The default limits; those that OpenAI Codex has too are equal to Codex's. */
export const UNIFIED_EXEC_LIMITS: UnifiedExecLimits = {
  minYieldMs: 250,
  maxYieldMs: 30_000,
  execYieldMs: 10_000,
  backgroundYieldMs: 1000,
  writeYieldMs: 250,
  minPollMs: 5000,
  maxPollMs: 300_000,
  endWaitMs: 10_000,
  outputTokens: 10_000,
  keptBytes: 1024 * 1024,
  maxSessions: 64,
  warnAtSessions: 60,
  protectedSessions: 8,
};

/** Bytes that count as one token: an estimate for text and code, the same for every model. */
export const BYTES_PER_TOKEN = 4;

/** Length of a command line and of the input of one call at most, in bytes of UTF-8. */
export const MAX_TEXT_BYTES = 1024 * 1024;

/** Maximum wait for the end of a `drainMs` that the caller has set, in milliseconds. */
export const LONGEST_DRAIN_WAIT_MS = 2000;

/** Time after the exit of a process in which others may write to its streams: without end, in milliseconds. */
export const NEVER_CUT_MS = Number.MAX_SAFE_INTEGER;

/** Bytes of a line, without its end, that a terminal of Linux keeps in canonical mode; it drops the rest. */
export const MAX_TERMINAL_LINE_BYTES = 4095;

/** Additional wait for the notification that the streams were cut, in milliseconds. */
export const CLOSE_WAIT_MS = 1000;

/** The longest delay of a Node timer; a longer one fires immediately. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Ended sessions whose end reason is remembered for late calls. */
export const MAX_REMEMBERED_ENDS = 1024;
