import type { Readable, Writable } from 'node:stream';
import type { ExecClient, ProcessEnv, ProcessExit, RemoteProcess, Sandbox, Target } from '../core/index.ts';
import { signalExitCode, TIMED_OUT } from './exit-codes.ts';
import { Interrupts } from './interrupts.ts';
import { lendTerminal, terminalSize } from './local-terminal.ts';
import { commandOutputs } from './output.ts';
import { withServer } from './session.ts';

/** What to run, where, and with which environment. */
export type RunOptions = {
  readonly target: Target;
  /** Don't tell what came before the server's first frame. */
  readonly quiet: boolean;
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string | undefined;
  readonly environment: ProcessEnv;
  /** On a terminal, which is ours if we have one. */
  readonly tty: boolean;
  readonly timeoutMs: number | undefined;
  /** Both outputs as one, on our stdout. */
  readonly merge: boolean;
  readonly sandbox: Sandbox | undefined;
};

/**
 * Runs one command as if it were here: its output on our stdout and stderr, our stdin and signals to it.
 *
 * @returns its exit code, or the one that says why there is none
 */
export const run = (options: RunOptions): Promise<number> => {
  const interrupts = new Interrupts();
  return withServer(options.target, { quiet: options.quiet, signal: interrupts.giveUp }, client =>
    runOn(client, options, interrupts),
  );
};

const runOn = async (client: ExecClient, options: RunOptions, interrupts: Interrupts): Promise<number> => {
  // Without a terminal for the command, ours stays where it is: a program there can't read from it.
  const stdin = options.tty || !process.stdin.isTTY ? process.stdin : undefined;
  const child = await client.start({
    argv: options.argv,
    cwd: options.cwd,
    env: options.environment,
    stdin: stdin !== undefined,
    tty: options.tty ? terminalSize() : undefined,
    mergeStderr: options.merge,
    sandbox: options.sandbox,
    timeoutMs: options.timeoutMs,
  });
  interrupts.forwardTo(child);
  const giveBack = options.tty ? lendTerminal(child) : undefined;
  try {
    if (stdin !== undefined) void forwardInput(stdin, child, options.tty);
    const brokenPipe = await forwardOutput(child);
    return brokenPipe ? signalExitCode('SIGPIPE') : exitCodeOf(await child.exit);
  } finally {
    giveBack?.();
    stdin?.destroy();
  }
};

const exitCodeOf = ({ exitCode, reason }: ProcessExit): number =>
  reason === 'timeout' ? TIMED_OUT : exitCode;

/** Ctrl-D, which a terminal turns into the end of input. */
const END_OF_TRANSMISSION = '\x04';

/** Copies our stdin until it ends or the command reads no more. */
const forwardInput = async (input: Readable, child: RemoteProcess, tty: boolean): Promise<void> => {
  try {
    for await (const chunk of input) {
      if (!(await child.write(chunk as Buffer))) return;
    }
    await (tty ? child.write(END_OF_TRANSMISSION) : child.closeStdin());
  } catch {
    // The connection is lost or the command has ended; whoever waits for its output is told.
  }
};

/** Copies the command's output; tells whether nobody reads ours any more, as behind `| head`. */
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
