import type { ProcessClose, ProcessExit } from '../remote-process.ts';
import { BYTES_PER_TOKEN } from './limits.ts';
import type { OutputCut } from './output-window.ts';

/** How much of the output an answer leaves out between its beginning and its end. */
export type Omitted = {
  readonly bytes: number;
  /** The same in tokens, at 4 bytes each, rounded up. */
  readonly tokens: number;
};

/** What an answer says in any case. */
type Answered = {
  /**
   * What the process wrote since the last answer, stdout and stderr in the order in which they came, as UTF-8;
   * U+FFFD stands for bytes that are none. Where it is over the budget, head and tail are kept and a line
   * between them says how much is omitted.
   */
  readonly output: string;
  /** The bytes that the process wrote since the last answer, those that are omitted included. */
  readonly outputBytes: number;
  readonly omitted: Omitted;
  /** How long the call took, in milliseconds. */
  readonly wallTimeMs: number;
  /** For the model: sessions are getting many, or one was ended to make room. */
  readonly warning?: string;
};

/** The process runs on, or something still holds its streams; `writeStdin` with this id gives the rest. */
export type RunningAnswer = Answered & {
  readonly sessionId: number;
} & { readonly [Field in keyof (ProcessExit & ProcessClose)]?: undefined };

/** The process has ended and this is all of it; there is no session, or no longer. */
export type EndedAnswer = Answered &
  ProcessExit &
  ProcessClose & {
    readonly sessionId?: undefined;
  };

/** What `execCommand` and `writeStdin` answer: one of both, told apart by `sessionId`. */
export type ExecAnswer = RunningAnswer | EndedAnswer;

/** The part of an answer that is about output. */
export const describeOutput = ({ head, tail, omitted, total }: OutputCut) => {
  const tokens = Math.ceil(omitted / BYTES_PER_TOKEN);
  const gap = `\n… ${omitted} bytes (≈${tokens} tokens) of output omitted …\n`;
  return {
    output: omitted === 0 ? head.toString() : `${head}${gap}${tail}`,
    outputBytes: total,
    omitted: { bytes: omitted, tokens },
  };
};
