import type { Readable, Writable } from 'node:stream';
import type { ParamsIn, ResultOut } from '../protocol/define.ts';
import type { Requests } from '../protocol/messages.ts';
import type { ExitReason, TerminalSize } from '../protocol/process.ts';
import type { OutputLine } from './lines.ts';
import type { OutputChunk } from './output-queue.ts';
import type { ProcessEnv } from './start-env.ts';

/** Permissions of a process or a file request, as in docs/sandbox.md. A server that cannot enforce them refuses. */
export type Sandbox = NonNullable<ParamsIn<Requests['process/start']>['sandbox']>;

/** Options of a start that do not say which program. */
export type ProcessOptions = {
  /** A path on the server or a `file:` URI. Default, and base of a relative path: the directory of the server. */
  readonly cwd?: string | undefined;
  /** The variables of the process. Default: those of the server without names that look like secrets. */
  readonly env?: ProcessEnv | undefined;
  /** Permissions of the process; refused if the server cannot enforce them. */
  readonly sandbox?: Sandbox | undefined;
  /** The name that the program sees as its own. */
  readonly arg0?: string | undefined;
  /** True to write stderr to the stream of stdout, in the order of the writes. */
  readonly mergeStderr?: boolean | undefined;
  /** Time limit in milliseconds; the exit reason is then `timeout`. */
  readonly timeoutMs?: number | undefined;
  /** Time limit of the answer to the start, in milliseconds; then it is cancelled with `startCancelled`. Default: none. */
  readonly startTimeoutMs?: number | undefined;
  /** Time from SIGTERM, on a terminal from SIGHUP, to SIGKILL, in milliseconds. */
  readonly killGraceMs?: number | undefined;
  /** Time after its exit in which other processes may still write to its streams, in milliseconds. */
  readonly drainMs?: number | undefined;
  /** `lossless`: the process waits while its output is not read. `headTail`: it never waits, the middle is dropped. */
  readonly output?: 'lossless' | 'headTail' | undefined;
  /** Limit of head and tail together with `headTail`, in bytes. */
  readonly maxOutputBytes?: number | undefined;
  /** Aborts the start, which then rejects with the reason of the signal; later it terminates the process. */
  readonly signal?: AbortSignal | undefined;
};

/** Options of `start`. */
export type StartOptions = ProcessOptions & {
  /** Program and arguments, run without a shell. */
  readonly argv: readonly [string, ...string[]];
  /** True to keep stdin open for writes; otherwise it is the null device. A terminal always has stdin. */
  readonly stdin?: boolean | undefined;
  /** True, or a size, to run on a terminal. Its output is the stream `pty`. Default size: 80 columns, 24 rows. */
  readonly tty?: boolean | TerminalSize | undefined;
  /**
   * For `argv` of a login shell (`bash -lc COMMAND`): lets the server read the start-up files once, and restore what they
   * did for each command of the scope. A server without `capabilities.shellSnapshotV2` ignores it.
   */
  readonly shellSnapshot?: ParamsIn<Requests['process/start']>['shellSnapshot'];
};

/** The server's answer to a start: `pid`, counts of the variables in `environment`, `envBase`, `sandboxType`. */
export type Launch = ResultOut<Requests['process/start']>;

/** The end of a process. */
export type ProcessExit = {
  /** Its exit code; 128+n after signal n. */
  readonly exitCode: number;
  /** The signal that ended it, if one did. */
  readonly signal: string | undefined;
  readonly reason: ExitReason;
};

/** The whole output of a process, by stream, and its end. */
export type ProcessResult = ProcessExit & {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** Output on its terminal, if it had one. */
  readonly pty: Buffer;
  /** Bytes that were dropped between head and tail; only with `output: 'headTail'`. */
  readonly droppedBytes: number;
};

/** The end of the output of a process. */
export type ProcessClose = {
  /** Processes that held its streams when these were cut; absent if the streams ended by themselves. */
  readonly holders?: readonly { readonly pid: number; readonly name: string }[] | undefined;
};

/**
 * A process on the server. Its output has one reader: iteration, `lines`, `collect`, or the streams `stdout` and
 * `stderr` together. A second reader gets an error; after a reader that stops early, another one may continue.
 * While its output is not read, the process waits, as on a pipe.
 *
 * A lost connection fails the reader, `exit` and `closed` with a `ConnectionLostError`.
 */
export interface RemoteProcess extends AsyncIterable<OutputChunk>, AsyncDisposable {
  /** The client's id of the process, unique in its connection. */
  readonly id: string;
  /** Its process id on the server. */
  readonly pid: number;
  readonly launch: Launch;

  /** Its stdin; `undefined` if it was started without. A write after it has closed stdin fails with `EPIPE`. */
  readonly stdin: Writable | undefined;
  /** Its stdout, or the output on its terminal. While a full `stderr` is not read, `stdout` waits, and vice versa. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Its output in the order in which the server read it; iteration of the process itself is the same. */
  readonly output: AsyncIterable<OutputChunk>;
  /** Bytes of output that have arrived and are not read. */
  readonly unreadBytes: number;

  /** Resolves when the process has exited, which may be before its output has ended. */
  readonly exit: Promise<ProcessExit>;
  /** Resolves when its output has ended and the server has released its id. */
  readonly closed: Promise<ProcessClose>;

  /**
   * Reads the output by lines, decoded as UTF-8, without line ends. The last one may have had none.
   *
   * @param maxLineBytes the longest line; a longer one terminates the process and is a `limitExceeded` error
   */
  lines(options?: { readonly maxLineBytes?: number | undefined }): AsyncIterable<OutputLine>;

  /**
   * Reads the whole output into memory and waits for the exit.
   *
   * @param maxBytes the most output; more terminates the process
   * @throws {RequestError} `limitExceeded`
   */
  collect(options?: { readonly maxBytes?: number | undefined }): Promise<ProcessResult>;

  /** Writes to stdin after earlier writes. Returns false if the process cannot read it. */
  write(bytes: Uint8Array | string): Promise<boolean>;
  /** Ends stdin after earlier writes. */
  closeStdin(): Promise<void>;
  /** Sends a signal (`SIGINT`, `TERM`, …), by default to the process group. No error if the process has exited. */
  signal(signal: string, target?: 'process' | 'group' | 'tree'): Promise<void>;
  /** Sends SIGTERM, on a terminal after SIGHUP, and SIGKILL after `killGraceMs`. Returns true if the process was running. */
  terminate(): Promise<boolean>;
  /** Changes the size of its terminal. */
  resize(size: TerminalSize): Promise<void>;
  /** Terminates the process, discards output that is not read, and waits until it is closed. Never rejects. */
  [Symbol.asyncDispose](): Promise<void>;
}
