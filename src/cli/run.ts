import type { Readable, Writable } from 'node:stream';
import type { ExecClient, ProcessEnv, ProcessExit, RemoteProcess, Sandbox, Target } from '../core/index.ts';
import { signalExitCode } from '../system/signal-exit-code.ts';
import { TIMED_OUT } from './exit-codes.ts';
import { attachTerminal, terminalSize } from './local-terminal.ts';
import { commandOutputs } from './output.ts';
import { SignalForwarder } from './signal-forwarder.ts';
import { withServer } from './with-server.ts';

export type RunOptions = {
  readonly target: Target;
  /** Do not report start-up output. */
  readonly quiet: boolean;
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string | undefined;
  readonly env: ProcessEnv;
  /** Run the command on a terminal, attached to that of this program, if it has one. */
  readonly tty: boolean;
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
  const signals = new SignalForwarder();
  return withServer(options.target, { quiet: options.quiet, signal: signals.aborted }, client =>
    runOn(client, options, signals),
  );
};

const runOn = async (client: ExecClient, options: RunOptions, signals: SignalForwarder): Promise<number> => {
  // Without -t the stdin of the command is a pipe, so a local terminal is not forwarded.
  const stdin = options.tty || !process.stdin.isTTY ? process.stdin : undefined;
  const child = await client.start({
    argv: options.argv,
    cwd: options.cwd,
    env: options.env,
    stdin: stdin !== undefined,
    tty: options.tty ? terminalSize() : undefined,
    mergeStderr: options.merge,
    sandbox: options.sandbox,
    timeoutMs: options.timeoutMs,
  });
  signals.forwardTo(child);
  const restoreTerminal = options.tty ? attachTerminal(child) : undefined;
  try {
    if (stdin !== undefined) void forwardInput(stdin, child, options.tty);
    const brokenPipe = await forwardOutput(child);
    return brokenPipe ? signalExitCode('SIGPIPE') : exitCodeOf(await child.exit);
  } finally {
    restoreTerminal?.();
    stdin?.destroy();
  }
};

const exitCodeOf = ({ exitCode, reason }: ProcessExit): number =>
  reason === 'timeout' ? TIMED_OUT : exitCode;

/** Ctrl-D, the end of input on a terminal. */
const END_OF_TRANSMISSION = '\x04';

/** Copies stdin to the command until it ends or the command has closed its stdin. */
const forwardInput = async (input: Readable, child: RemoteProcess, tty: boolean): Promise<void> => {
  try {
    for await (const chunk of input) {
      if (!(await child.write(chunk as Buffer))) return;
    }
    await (tty ? child.write(END_OF_TRANSMISSION) : child.closeStdin());
  } catch {
    // The connection is lost or the command has ended; the reader of the output gets the error.
  }
};

/** Copies the output of the command. Returns true if stdout or stderr has lost its reader, as in `| head`. */
const forwardOutput = async (child: RemoteProcess): Promise<boolean> => {
  const outputs = commandOutputs();
  let broken = false;
  for (const output of Object.values(outputs)) {
    output.on('error', () => {
      broken = true;
      child.terminate().catch(() => {});
    });
  }
  for await (const { stream, chunk } of child.output) {
    if (!broken) await writeTo(outputs[stream === 'stderr' ? 'stderr' : 'stdout'], chunk);
  }
  if (!broken) await Promise.all(Object.values(outputs).map(output => writeTo(output, Buffer.alloc(0))));
  return broken;
};

const writeTo = (output: Writable, chunk: Buffer): Promise<void> =>
  new Promise(resolve => output.write(chunk, () => resolve()));
