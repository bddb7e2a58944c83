import * as z from 'zod/mini';
import { ExecServerError } from '../../protocol/errors.ts';
import { cString, maybe } from '../../protocol/fields.ts';
import { parse } from '../../protocol/parse.ts';
import { TerminalSize } from '../../protocol/process.ts';
import { EnvOverlay } from '../../shared-config/index.ts';
import { UnifiedExecError } from './errors.ts';
import { MAX_TEXT_BYTES, MAX_TIMER_MS } from './limits.ts';

/** Options of the wait and of the result. */
export type ResultOptions = {
  /**
   * Time to wait for the end of the process, in milliseconds; then the call returns the output so far. A value outside
   * the limits counts as the limit.
   */
  readonly yieldTimeMs?: number | undefined;
  /** Limit of the returned output, in tokens of 4 bytes. Default: 10,000. */
  readonly maxOutputTokens?: number | undefined;
  /** Aborts the call: it rejects with the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
};

/** A command line for a shell. */
export type CommandLine = {
  readonly command: string;
  /** True for a login shell. */
  readonly login?: boolean | undefined;
  /** Path of the shell on that machine. Default: the account's shell. */
  readonly shell?: string | undefined;
  readonly argv?: undefined;
};

/** A program and its arguments, run without a shell. */
export type ProgramCall = {
  readonly argv: readonly [string, ...string[]];
  readonly command?: undefined;
  readonly login?: undefined;
  readonly shell?: undefined;
};

/** Options of `execCommand`. */
export type ExecCommandOptions = ResultOptions &
  (CommandLine | ProgramCall) & {
    /** Id of the environment to run in. Default: the first one. */
    readonly environment?: string | undefined;
    /** A path on that machine or a `file:` URI. Default, and base of a relative path: the directory of the server. */
    readonly cwd?: string | undefined;
    /** True, or a size, to run on a terminal. Default size: 80 columns, 24 rows. */
    readonly tty?: boolean | TerminalSize | undefined;
    /** Without `tty`: true to keep stdin open for writes; otherwise it is the null device. A terminal always has stdin. */
    readonly stdin?: boolean | undefined;
    /** True to write stderr to the stream of stdout, in the order of the writes; refused if the server cannot. */
    readonly mergeStderr?: boolean | undefined;
    /** Variables of this command, not filtered; `null` removes a name. */
    readonly env?: EnvOverlay | undefined;
    /** The tool call that starts the command: `CODEX_TOOL_CALL_ID`. */
    readonly toolCallId?: string | undefined;
    /** Time limit in milliseconds; the reason is then `timeout`. */
    readonly timeoutMs?: number | undefined;
    /**
     * Time after its exit in which others may write to its streams, in milliseconds; then these are cut. Default: as long
     * as the session exists.
     */
    readonly drainMs?: number | undefined;
  };

/** Options of `writeStdin`. */
export type WriteStdinOptions = ResultOptions & {
  readonly sessionId: number;
  /** Text to write; empty to wait for output only. `"\u0003"` is Ctrl-C: without a terminal, SIGINT to the process group. */
  readonly chars?: string | undefined;
  /** True to end stdin after it. On a terminal this is Ctrl-D, which works at the beginning of a line. */
  readonly closeStdin?: boolean | undefined;
};

/** Options of `end`. */
export type EndOptions = Pick<ResultOptions, 'maxOutputTokens'> & { readonly sessionId: number };

const text = () =>
  z
    .string()
    .check(
      z.refine(
        value => Buffer.byteLength(value) <= MAX_TEXT_BYTES,
        `expected at most ${MAX_TEXT_BYTES} bytes of UTF-8`,
      ),
    );

// A number outside the limits is accepted, so that a model need not know them.
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
    toolCallId: maybe(cString()),
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
      'login and shell require command: argv runs without a shell',
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

// Options often come from a model, so their types prove nothing.
const check = <Schema extends z.ZodMiniType>(schema: Schema, options: unknown): z.output<Schema> => {
  try {
    return parse(schema, options, 'options');
  } catch (error) {
    if (!(error instanceof ExecServerError)) throw error;
    throw new UnifiedExecError('invalidOptions', error.message, { cause: error });
  }
};
