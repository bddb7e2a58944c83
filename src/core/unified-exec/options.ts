import * as z from 'zod/mini';
import { ExecServerError } from '../../protocol/errors.ts';
import { cString, maybe } from '../../protocol/fields.ts';
import { parse } from '../../protocol/parse.ts';
import { TerminalSize } from '../../protocol/process.ts';
import { EnvOverlay } from '../../shared-config/index.ts';
import { UnifiedExecError } from './errors.ts';
import { MAX_TEXT_BYTES, MAX_TIMER_MS } from './limits.ts';

/** How long a call waits and how much it answers. */
export type AnswerOptions = {
  /**
   * How long to wait for the end of the process, in milliseconds; then the answer comes with what there is.
   * A value outside the limits counts as the limit.
   */
  readonly yieldTimeMs?: number | undefined;
  /** How much of the output to answer, in tokens of 4 bytes; 10,000 unless given. */
  readonly maxOutputTokens?: number | undefined;
  /** Gives the call up: it rejects with the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
};

/** A command line for a shell. */
export type CommandLine = {
  readonly command: string;
  /** Whether the shell reads what it reads at a login. */
  readonly login?: boolean | undefined;
  /** Path of the shell there; by default the one of the account. */
  readonly shell?: string | undefined;
  readonly argv?: undefined;
};

/** A program and its arguments; no shell takes part. */
export type ProgramCall = {
  readonly argv: readonly [string, ...string[]];
  readonly command?: undefined;
  readonly login?: undefined;
  readonly shell?: undefined;
};

/** What `execCommand` runs, where, and how it answers. */
export type ExecCommandOptions = AnswerOptions &
  (CommandLine | ProgramCall) & {
    /** The id of the environment to run it in; by default the first one. */
    readonly environment?: string | undefined;
    /** A path there or a `file:` URI; by default, and as the start of a relative one, where the server runs. */
    readonly cwd?: string | undefined;
    /** Whether it runs on a terminal, and of which size: 80 columns and 24 rows unless given. */
    readonly tty?: boolean | TerminalSize | undefined;
    /** Without `tty`: whether stdin can be written; otherwise it is the null device. On a terminal it always can. */
    readonly stdin?: boolean | undefined;
    /** Whether stderr goes where stdout goes, in the order of the writes; refused where the server can't do that. */
    readonly mergeStderr?: boolean | undefined;
    /** Variables of this command, past every filter; `null` removes a name. */
    readonly env?: EnvOverlay | undefined;
    /** Ends the process after so many milliseconds, with the reason `timeout`. */
    readonly timeoutMs?: number | undefined;
    /** How long after its exit others may still write to its streams, in milliseconds: 2,000 unless given. */
    readonly drainMs?: number | undefined;
  };

/** What `writeStdin` types, and how it answers. */
export type WriteStdinOptions = AnswerOptions & {
  readonly sessionId: number;
  /** What to type; nothing, to ask for more output. `"\u0003"` is Ctrl-C: without a terminal, SIGINT to the process group. */
  readonly chars?: string | undefined;
  /** Whether stdin ends behind it. On a terminal that is Ctrl-D, which counts at the beginning of a line. */
  readonly closeStdin?: boolean | undefined;
};

/** What to end, and how much of its last output to answer. */
export type EndOptions = Pick<AnswerOptions, 'maxOutputTokens'> & { readonly sessionId: number };

const text = () =>
  z
    .string()
    .check(
      z.refine(
        value => Buffer.byteLength(value) <= MAX_TEXT_BYTES,
        `expected at most ${MAX_TEXT_BYTES} bytes of UTF-8`,
      ),
    );

// A number outside the limits is no mistake, so that a model needn't know them; no number is one.
const milliseconds = () => z.number().check(z.nonnegative());
const limitedMilliseconds = () => z.int().check(z.nonnegative(), z.maximum(MAX_TIMER_MS));

const sessionId = z.int();
const maxOutputTokens = maybe(z.int().check(z.nonnegative()));

const answerFields = {
  yieldTimeMs: maybe(milliseconds()),
  maxOutputTokens,
  signal: maybe(z.instanceof(AbortSignal)),
};

const execCommandOptions = z
  .strictObject({
    ...answerFields,
    command: maybe(text().check(z.refine(value => !value.includes('\0'), 'may not contain NUL'))),
    argv: maybe(z.array(cString()).check(z.minLength(1))),
    login: maybe(z.boolean()),
    shell: maybe(cString().check(z.minLength(1))),
    environment: maybe(z.string()),
    cwd: maybe(cString()),
    tty: maybe(z.union([z.boolean(), TerminalSize])),
    stdin: maybe(z.boolean()),
    mergeStderr: maybe(z.boolean()),
    env: maybe(EnvOverlay),
    timeoutMs: maybe(limitedMilliseconds()),
    drainMs: maybe(limitedMilliseconds()),
  })
  .check(
    z.refine(
      ({ command, argv }) => (command === undefined) !== (argv === undefined),
      'expected either command or argv',
    ),
    z.refine(
      ({ argv, login, shell }) => argv === undefined || (login === undefined && shell === undefined),
      'login and shell go with command only: argv is run by no shell',
    ),
  );

const writeStdinOptions = z.strictObject({
  ...answerFields,
  sessionId,
  chars: maybe(text()),
  closeStdin: maybe(z.boolean()),
});

const endOptions = z.strictObject({ sessionId, maxOutputTokens });

/** @throws {UnifiedExecError} `invalidOptions`, which names the field */
export const checkExecCommand = (options: ExecCommandOptions) => check(execCommandOptions, options);

/** @throws {UnifiedExecError} `invalidOptions`, which names the field */
export const checkWriteStdin = (options: WriteStdinOptions) => check(writeStdinOptions, options);

/** @throws {UnifiedExecError} `invalidOptions`, which names the field */
export const checkEnd = (options: EndOptions) => check(endOptions, options);

// Options often come from a model, so their types are no proof.
const check = <Schema extends z.ZodMiniType>(schema: Schema, options: unknown): z.output<Schema> => {
  try {
    return parse(schema, options, 'options');
  } catch (error) {
    if (!(error instanceof ExecServerError)) throw error;
    throw new UnifiedExecError('invalidOptions', error.message, { cause: error });
  }
};
