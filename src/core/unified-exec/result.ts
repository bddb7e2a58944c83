import type { ProcessClose, ProcessExit } from '../process.ts';
import { BYTES_PER_TOKEN } from './limits.ts';
import type { OutputCut } from './output-window.ts';

/** The amount of output omitted between the beginning and the end. */
export type Omitted = {
  readonly bytes: number;
  /** The amount in tokens of 4 bytes, rounded up. */
  readonly tokens: number;
};

/** The fields of every result. */
type CommonResult = {
  /**
   * Output since the last result, stdout and stderr in the order of arrival, decoded as UTF-8 with U+FFFD for invalid
   * bytes. Output over the limit is reduced to head and tail, with a line between them that gives the omitted amount.
   */
  readonly output: string;
  /** The number of bytes written since the last result, including omitted ones. */
  readonly outputBytes: number;
  readonly omitted: Omitted;
  /** Duration of the call, in milliseconds. */
  readonly wallTimeMs: number;
  /** A warning for the model: many sessions are open, one was ended to make room, or a terminal may cut the input. */
  readonly warning?: string;
};

/** The result while the process runs; `writeStdin` with this id returns the rest. */
export type RunningResult = CommonResult & {
  readonly sessionId: number;
  readonly outputOpen?: undefined;
} & { readonly [Field in keyof (ProcessExit & ProcessClose)]?: undefined };

/**
 * The result after the exit of the process while others, such as a server in the background, hold its output.
 * `writeStdin` with this id returns more of it; the end of the session ends them.
 */
export type ExitedResult = CommonResult &
  ProcessExit & {
    readonly sessionId: number;
    readonly outputOpen: true;
    readonly holders?: undefined;
  };

/** The last result: the process has exited, its output has ended, and there is no session any more. */
export type EndedResult = CommonResult &
  ProcessExit &
  ProcessClose & {
    readonly sessionId?: undefined;
    readonly outputOpen?: undefined;
  };

/**
 * The result of `execCommand` and `writeStdin`. With an `exitCode` the process has exited; with a `sessionId` more output
 * may follow.
 */
export type CommandResult = RunningResult | ExitedResult | EndedResult;

/** The fields of a result that describe output. */
export const describeOutput = ({ head, tail, omitted, total }: OutputCut) => {
  const tokens = Math.ceil(omitted / BYTES_PER_TOKEN);
  const gap = `\n… ${omitted} bytes (≈${tokens} tokens) of output omitted …\n`;
  return {
    output: omitted === 0 ? head.toString() : `${head}${gap}${tail}`,
    outputBytes: total,
    omitted: { bytes: omitted, tokens },
  };
};
