import type { ParamsOut } from '../../../protocol/define.ts';
import type { Requests } from '../../../protocol/messages.ts';
import { DRAIN_MS, HEAD_TAIL_BYTES, KILL_GRACE_MS, MAX_LISTED_ARGV0_LENGTH } from '../limits.ts';

/** Options that a client chooses once, for all its processes. */
export type ProcessDefaults = {
  readonly windowBytes: number;
  readonly retainedBytes: number;
  readonly retainedMs: number;
};

/** Options of one process. */
export type ProcessOptions = {
  readonly processId: string;
  readonly argv0: string;
  readonly tty: boolean;
  readonly timeoutMs: number | undefined;
  readonly killGraceMs: number;
  readonly drainMs: number;
  /** Head and tail together, in bytes; `undefined` for lossless output. */
  readonly headTailBytes: number | undefined;
  readonly windowBytes: number;
  readonly retainedBytes: number;
};

/** Completes the options of a start with the defaults. */
export const processOptions = (
  params: ParamsOut<Requests['process/start']>,
  { windowBytes, retainedBytes }: ProcessDefaults,
): ProcessOptions => ({
  processId: params.processId,
  argv0: (params.arg0 ?? params.argv[0] ?? '').slice(0, MAX_LISTED_ARGV0_LENGTH),
  tty: params.tty,
  timeoutMs: params.timeoutMs,
  killGraceMs: params.killGraceMs ?? KILL_GRACE_MS,
  drainMs: params.drainMs ?? DRAIN_MS,
  headTailBytes: params.output === 'headTail' ? (params.maxOutputBytes ?? HEAD_TAIL_BYTES) : undefined,
  windowBytes,
  retainedBytes,
});
