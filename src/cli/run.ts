import type { Readable, Writable } from 'node:stream';
import type { ExecClient, ProcessEnvironment, RemoteProcess, Target } from '../core/index.ts';
import { openOutput } from '../server/platform/output-descriptor.ts';
import { signalExitCode } from './exit-codes.ts';
import { withServer } from './session.ts';

/** What to run, where, and with which environment. */
export type RunOptions = {
  readonly target: Target;
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string | undefined;
  readonly environment: ProcessEnvironment;
};

/**
 * Runs one command as if it were here: its output on our stdout and stderr, our stdin and signals to it.
 *
 * @returns its exit code, or the one that says why there is none
 */
export const run = async (options: RunOptions): Promise<number> => {
  const interrupts = new Interrupts();
  try {
    return await withServer(
      options.target,
      client => runOn(client, options, interrupts),
      interrupts.beforeStart,
    );
  } finally {
    interrupts.release();
  }
};

const runOn = async (
  client: ExecClient,
  { argv, cwd, environment }: RunOptions,
  interrupts: Interrupts,
): Promise<number> => {
  const stdin = process.stdin.isTTY ? undefined : process.stdin;
  const child = await client.start({ argv, cwd, environment, stdin: stdin !== undefined });
  interrupts.forwardTo(child);
  if (stdin !== undefined) void forwardInput(stdin, child);
  const brokenPipe = await forwardOutput(child);
  stdin?.destroy();
  if (brokenPipe) return signalExitCode('SIGPIPE');
  const { exitCode } = await child.exit;
  return exitCode;
};

/** Copies our stdin until it ends or the command reads no more. */
const forwardInput = async (input: Readable, child: RemoteProcess): Promise<void> => {
  try {
    for await (const chunk of input) {
      if (!(await child.write(chunk as Buffer))) return;
    }
    await child.closeStdin();
  } catch {
    // The connection is lost or the command has ended; whoever waits for its output is told.
  }
};

/** Copies the command's output; tells whether nobody reads ours any more, as behind `| head`. */
const forwardOutput = async (child: RemoteProcess): Promise<boolean> => {
  const outputs = { stdout: openOutput('stdout'), stderr: openOutput('stderr') };
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

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/**
 * Hands our signals on. Before the command has started they end us. The first of a kind goes to the
 * command, which may handle it; a second one means that it didn't, and ends the command.
 */
class Interrupts {
  readonly #giveUp = new AbortController();
  readonly #seen = new Set<NodeJS.Signals>();
  readonly #listener = (signal: NodeJS.Signals) => this.#received(signal);
  #child: RemoteProcess | undefined;

  constructor() {
    for (const signal of FORWARDED) process.on(signal, this.#listener);
  }

  /** Aborts when a signal arrives before the command was started. */
  get beforeStart(): AbortSignal {
    return this.#giveUp.signal;
  }

  forwardTo(child: RemoteProcess): void {
    this.#child = child;
  }

  release(): void {
    for (const signal of FORWARDED) process.off(signal, this.#listener);
  }

  #received(signal: NodeJS.Signals): void {
    const repeated = this.#seen.has(signal);
    this.#seen.add(signal);
    if (this.#child === undefined) {
      this.#giveUp.abort(signal);
      return;
    }
    const sent = repeated ? this.#child.terminate() : this.#child.signal(signal);
    sent.catch(() => {});
  }
}
