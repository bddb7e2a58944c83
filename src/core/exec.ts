import type { ExitReason } from '../protocol/process.ts';
import { MAX_COLLECTED_BYTES } from './limits.ts';
import { printableLine, printableQuoted } from './printable.ts';
import type { ProcessOptions, RemoteProcess, StartOptions } from './process.ts';

/** Options of `exec`. */
export type ExecOptions = Omit<ProcessOptions, 'output' | 'maxOutputBytes'> & {
  /** Content of stdin. Default: the null device. */
  readonly input?: string | Uint8Array | undefined;
  /** `utf8` (default): stdout and stderr are text without the final line end. `buffer`: they are the bytes. */
  readonly encoding?: 'utf8' | 'buffer' | undefined;
  /** The most output, in bytes; more terminates the process and is a `limitExceeded` error. Default: 256 MiB. */
  readonly maxBuffer?: number | undefined;
  /** False to return the result of a command that failed instead of throwing it. */
  readonly reject?: boolean | undefined;
};

/** The end of a command and its output. */
export type ExecResult<Output = string> = {
  /** The command line, with arguments quoted for reading. */
  readonly command: string;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Its exit code; 128+n after signal n. */
  readonly exitCode: number;
  /** The signal that ended it, if one did. */
  readonly signal: string | undefined;
  readonly reason: ExitReason;
  /** True unless it exited by itself with code 0. */
  readonly failed: boolean;
  /** True if it was terminated after `timeoutMs`. */
  readonly timedOut: boolean;
  /** Time from the request of the start to the last output, in milliseconds. */
  readonly durationMs: number;
};

/** A command that failed, with its output. The message ends with the last lines of stderr. */
export class ExecError<Output = string | Buffer> extends Error implements ExecResult<Output> {
  override readonly name = 'ExecError';
  readonly command: string;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly exitCode: number;
  readonly signal: string | undefined;
  readonly reason: ExitReason;
  readonly failed = true;
  readonly timedOut: boolean;
  readonly durationMs: number;

  constructor(result: ExecResult<Output>, timeoutMs?: number) {
    const lines = String(result.stderr)
      .split(/\r?\n/)
      .filter(line => line.trim() !== '');
    const head = `Command ${failure(result, timeoutMs)}: ${result.command}`;
    super([head, ...lines.slice(-STDERR_LINES).map(printableLine)].join('\n'));
    this.command = result.command;
    this.stdout = result.stdout;
    this.stderr = result.stderr;
    this.exitCode = result.exitCode;
    this.signal = result.signal;
    this.reason = result.reason;
    this.timedOut = result.timedOut;
    this.durationMs = result.durationMs;
  }
}

/** Lines of stderr in the message of an `ExecError`. */
const STDERR_LINES = 10;

/** Runs a program to its end; see `ExecClient.exec`. */
export const runToEnd = async (
  start: (options: StartOptions) => Promise<RemoteProcess>,
  file: string,
  args: readonly string[],
  { input, encoding, maxBuffer = MAX_COLLECTED_BYTES, reject = true, ...options }: ExecOptions,
): Promise<ExecResult<string | Buffer>> => {
  const startedAt = performance.now();
  const child = await start({ ...options, argv: [file, ...args], stdin: input !== undefined });
  if (input !== undefined) child.stdin?.end(input);
  const { stdout, stderr, exitCode, signal, reason } = await child.collect({ maxBytes: maxBuffer });
  options.signal?.throwIfAborted();
  const asAsked = (bytes: Buffer) => (encoding === 'buffer' ? bytes : withoutFinalLineEnd(bytes.toString()));
  const result = {
    command: [file, ...args].map(shown).join(' '),
    stdout: asAsked(stdout),
    stderr: asAsked(stderr),
    exitCode,
    signal,
    reason,
    failed: exitCode !== 0 || reason !== 'exited',
    timedOut: reason === 'timeout',
    durationMs: performance.now() - startedAt,
  };
  if (result.failed && reject) throw new ExecError(result, options.timeoutMs);
  return result;
};

const failure = ({ timedOut, reason, signal, exitCode }: ExecResult<unknown>, timeoutMs?: number): string => {
  if (timedOut) return `timed out after ${timeoutMs} ms`;
  if (reason === 'terminated') return 'was terminated';
  return signal === undefined ? `failed with exit code ${exitCode}` : `was killed by ${signal}`;
};

const shown = (word: string): string => (/^[\w./:=@%+,-]+$/.test(word) ? word : `"${printableQuoted(word)}"`);

const withoutFinalLineEnd = (text: string): string => text.replace(/\r?\n$/, '');
