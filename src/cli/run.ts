import { pipeline, type Transform, type Writable } from 'node:stream';
import type { ExecClient, ProcessEnv, ProcessExit, RemoteProcess, Sandbox, Target } from '../core/index.ts';
import { signalExitCode } from '../system/signal-exit-code.ts';
import { systemErrorText } from '../system/system-error-text.ts';
import { argvOf, type RunCommand } from './account-shell.ts';
import { escapeFilter, escapeHelp } from './escape-sequences.ts';
import { OUTPUT_FAILED, TIMED_OUT } from './exit-codes.ts';
import { KeptConnection } from './kept-connection.ts';
import { attachTerminal, redraw, terminalSize } from './local-terminal.ts';
import { commandOutputs, printDuringCommand, printMessage, printOnRawTerminal } from './output.ts';
import { reportBase } from './report-base.ts';
import { SignalForwarder } from './signal-forwarder.ts';
import { startAdvice } from './start-advice.ts';
import { withServer } from './with-server.ts';
import { expandHome } from './working-directory.ts';

export type RunOptions = {
  readonly target: Target;
  /** Time limit of the connection attempt, in milliseconds. */
  readonly connectTimeoutMs: number | undefined;
  /** Time for which the command outlives its connection, in milliseconds; `undefined` if it ends with it. */
  readonly keepMs: number | undefined;
  /** Do not report start-up output, another base than requested, or a connection that is opened again. */
  readonly quiet: boolean;
  readonly command: RunCommand;
  /** `~` is the home directory of the account on the server. */
  readonly cwd: string | undefined;
  readonly env: ProcessEnv;
  /** Run the command on a terminal, attached to that of this program, if it has one. */
  readonly tty: boolean;
  /** Begins escape sequences on a terminal; `undefined` for none. */
  readonly escapeChar: string | undefined;
  /** True to forward stdin, false for an empty one. By default a terminal is forwarded with `tty` only. */
  readonly stdin: boolean | undefined;
  readonly timeoutMs: number | undefined;
  /** Combine stdout and stderr of the command on stdout. */
  readonly merge: boolean;
  readonly sandbox: Sandbox | undefined;
};

/**
 * Runs a command: forwards stdin and signals to it, and copies its output to stdout and stderr.
 *
 * @returns the exit code of the command, or that of the error
 */
export const run = (options: RunOptions): Promise<number> => {
  const kept = keptConnection(options);
  const signals = new SignalForwarder(kept);
  return withServer(
    options.target,
    {
      quiet: options.quiet,
      connectTimeoutMs: options.connectTimeoutMs,
      signal: signals.aborted,
      kept,
      advise: error => startAdvice(error, options),
    },
    client => runOn(client, options, { signals, kept }),
  );
};

const keptConnection = ({ target: { label }, keepMs, quiet }: RunOptions): KeptConnection | undefined =>
  keepMs === undefined
    ? undefined
    : new KeptConnection({ label, keepMs, report: quiet ? () => {} : printDuringCommand });

type Controls = { readonly signals: SignalForwarder; readonly kept: KeptConnection | undefined };

const runOn = async (
  client: ExecClient,
  options: RunOptions,
  { signals, kept }: Controls,
): Promise<number> => {
  // Without -t the stdin of the command is a pipe, so a local terminal is not forwarded.
  const { stdin: forwarded = options.tty || !process.stdin.isTTY } = options;
  const stdin = forwarded ? process.stdin : undefined;
  const child = await client.start({
    argv: argvOf(options.command, client.info.shell, options.tty),
    cwd: expandHome(options.cwd, client.info),
    env: options.env,
    stdin: stdin !== undefined,
    tty: options.tty ? terminalSize() : undefined,
    mergeStderr: options.merge,
    sandbox: options.sandbox,
    timeoutMs: options.timeoutMs,
    signal: signals.aborted,
  });
  signals.forwardTo(child);
  if (!options.quiet) reportBase(options.env, child.launch);
  const restoreTerminal = options.tty ? attachTerminal(child) : undefined;
  if (options.tty) kept?.onResumed(() => void redraw(child).catch(() => {}));
  try {
    // An error is that of the connection or the command, of which the reader of the output learns.
    if (stdin !== undefined && child.stdin !== undefined) {
      pipeline([stdin, ...escapesOf(options, signals), child.stdin], () => {});
    }
    const failure = await forwardOutput(child);
    return failure === undefined ? exitCodeOf(await child.exit) : reportFailure(failure);
  } finally {
    restoreTerminal?.();
    stdin?.destroy();
  }
};

/** Filter of the keys that are typed on the terminal of this program. */
const escapesOf = ({ tty, escapeChar }: RunOptions, signals: SignalForwarder): Transform[] => {
  if (!tty || !process.stdin.isTTY || escapeChar === undefined) return [];
  return [
    escapeFilter(escapeChar, {
      onEnd: () => signals.endConnection('ended by the escape sequence'),
      onHelp: () => printOnRawTerminal(escapeHelp(escapeChar)),
    }),
  ];
};

const exitCodeOf = ({ exitCode, reason }: ProcessExit): number =>
  reason === 'timeout' ? TIMED_OUT : exitCode;

/** An output of this program that cannot be written. */
type OutputFailure = { readonly name: 'stdout' | 'stderr'; readonly error: NodeJS.ErrnoException };

/**
 * Copies the output of the command. If stdout or stderr cannot be written, as in `| head` or on a full disk, the command
 * is terminated.
 */
const forwardOutput = async (child: RemoteProcess): Promise<OutputFailure | undefined> => {
  const outputs = commandOutputs();
  const failures: OutputFailure[] = [];
  const failed = (failure: OutputFailure) => {
    failures.push(failure);
    child.terminate().catch(() => {});
  };
  // They can also fail between two writes.
  outputs.stdout.on('error', error => failed({ name: 'stdout', error }));
  outputs.stderr.on('error', error => failed({ name: 'stderr', error }));
  for await (const { stream, chunk } of child.output) {
    if (failures.length > 0) continue;
    const name = stream === 'stderr' ? 'stderr' : 'stdout';
    const error = await writeTo(outputs[name], chunk);
    if (error) failed({ name, error });
  }
  return failures[0];
};

/** Reports an output that cannot be written; one without a reader only by the exit code, as by SIGPIPE. */
const reportFailure = ({ name, error }: OutputFailure): number => {
  if (error.code === 'EPIPE') return signalExitCode('SIGPIPE');
  printMessage(`cannot write to ${name}: ${systemErrorText(error)}`);
  return OUTPUT_FAILED;
};

/** Resolves with the error of a write, once it has ended. */
const writeTo = (output: Writable, chunk: Buffer): Promise<Error | null | undefined> =>
  new Promise(resolve => output.write(chunk, resolve));
