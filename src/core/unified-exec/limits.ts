/** The bounds of what is waited for, answered and kept. An agent can be given others. */
export type UnifiedExecLimits = {
  /** `execCommand`, and a write with input, wait at least so long, in milliseconds. */
  readonly minYieldMs: number;
  /** And at most so long. */
  readonly maxYieldMs: number;
  /** How long `execCommand` waits unless it is told. */
  readonly execYieldMs: number;
  /** How long a write with input waits unless it is told. */
  readonly writeYieldMs: number;
  /** `writeStdin` without input waits at least so long: who only asks is not to ask all the time. */
  readonly minPollMs: number;
  /** And at most so long. */
  readonly maxPollMs: number;
  /** How long `end` and `close` wait for the end of a process at most. */
  readonly endWaitMs: number;
  /** What an answer holds of the output unless it is told, in tokens. */
  readonly outputTokens: number;
  /** Output of one process that is kept from one answer to the next, head and tail together, in bytes. */
  readonly keptBytes: number;
  /** Sessions at most; one more ends another one. */
  readonly maxSessions: number;
  /** From so many sessions on a new one comes with a warning. */
  readonly warnAtSessions: number;
  /** So many sessions, the ones used last, are never ended for a new one. */
  readonly protectedSessions: number;
};

/** The limits unless others are given: those that OpenAI Codex has are the same, so that a model finds what it knows. */
export const UNIFIED_EXEC_LIMITS: UnifiedExecLimits = {
  minYieldMs: 250,
  maxYieldMs: 30_000,
  execYieldMs: 10_000,
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

/** A token is taken for so many bytes: an estimate for text and code, the same for every model. */
export const BYTES_PER_TOKEN = 4;

/** The longest command line, and the most that is typed at once, in bytes of UTF-8. */
export const MAX_TEXT_BYTES = 1024 * 1024;

/** How long after its exit others may still write to the streams of a process unless a start says otherwise, in milliseconds. */
export const DRAIN_MS = 2000;

/** How much longer than that an answer waits to hear that they were cut, in milliseconds. */
export const CLOSE_WAIT_MS = 1000;

/** The longest timer there is; one that is set further ahead fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Sessions whose end is remembered, so that a late call is told what became of them. */
export const MAX_REMEMBERED_ENDS = 1024;
