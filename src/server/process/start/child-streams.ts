import type { ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { resourceShortage, unsupported } from '../../../protocol/errors.ts';
import type { NamedPipe } from '../../../system/named-pipe.ts';
import type { NamedPipes } from '../../../system/named-pipes.ts';
import type { Child, Output } from '../child.ts';
import { pipeOutput } from './pipe-output.ts';

/** Streams of a child on pipes. */
export type StreamPlan = {
  /** True for a pipe, false for the null device. */
  readonly pipeStdin: boolean;
  /** True if stderr is written to stdout's pipe, in the order of the writes. */
  readonly mergeStderr: boolean;
};

/**
 * The pipes of a child: named pipes if available, otherwise those that Node makes. Created before the start; after it
 * either `adopt` or `abandon` is called.
 */
export class ChildStreams {
  readonly #stdin: NamedPipe | 'pipe' | 'ignore';
  readonly #stdout: NamedPipe | 'pipe';
  readonly #stderr: NamedPipe | 'pipe' | 'merged';

  /** @throws {ExecServerError} `unsupported` for `mergeStderr` without named pipes */
  constructor(plan: StreamPlan, pipes: NamedPipes | undefined) {
    this.#stdin = plan.pipeStdin ? (pipes?.forInput() ?? 'pipe') : 'ignore';
    this.#stdout = pipes?.forOutput() ?? 'pipe';
    this.#stderr = plan.mergeStderr ? 'merged' : (pipes?.forOutput() ?? 'pipe');
    if (plan.mergeStderr && this.#stdout === 'pipe') {
      this.abandon();
      if (pipes !== undefined && pipes.unavailable === undefined) throw resourceShortage('EMFILE');
      throw unsupported('mergeStderr', pipes?.unavailable ?? 'not supported on this platform');
    }
  }

  /** Option `stdio` of `spawn`. */
  get stdio(): Array<'pipe' | 'ignore' | number> {
    const childs = (end: NamedPipe | 'pipe' | 'ignore') => (typeof end === 'string' ? end : end.childs);
    const stdout = childs(this.#stdout);
    return [childs(this.#stdin), stdout, this.#stderr === 'merged' ? stdout : childs(this.#stderr)];
  }

  /** Turns our ends into streams, after the child has started. */
  adopt(child: ChildProcess): Pick<Child, 'stdin' | 'outputs' | 'pinStreams' | 'cut'> {
    for (const { childs } of this.#named) closeSync(childs);
    const stdin = this.#stdin === 'ignore' ? null : this.#writable(this.#stdin, child.stdin);
    const stdout = this.#readable(this.#stdout, child.stdout);
    const stderr = this.#stderr === 'merged' ? null : this.#readable(this.#stderr, child.stderr);
    return {
      stdin,
      outputs: { stdout, stderr },
      pinStreams: () =>
        [
          isOpen(stdout) ? named(this.#stdout) : undefined,
          isOpen(stderr) ? named(this.#stderr) : undefined,
          this.#heldStdin,
        ].flatMap(pipe => pipe?.pin() ?? []),
      cut: () => {
        // Destroying a stream takes some turns of the event loop, in which its holders may be searched for.
        if (isOpen(stdout)) named(this.#stdout)?.cut();
        if (isOpen(stderr)) named(this.#stderr)?.cut();
        for (const stream of [stdin, stdout, stderr]) stream?.destroy();
      },
    };
  }

  /** Closes all pipes, after a start that failed. */
  abandon(): void {
    for (const pipe of this.#named) pipe.abandon();
  }

  get #named(): NamedPipe[] {
    return [this.#stdin, this.#stdout, this.#stderr].flatMap(ends => named(ends) ?? []);
  }

  /** The pipe of stdin while another process reads it, even if our end is closed. */
  get #heldStdin(): NamedPipe | undefined {
    const pipe = named(this.#stdin);
    return pipe?.isHeld ? pipe : undefined;
  }

  #writable(ends: NamedPipe | 'pipe', nodes: Writable | null): Writable | null {
    if (ends === 'pipe') return nodes;
    const socket = new Socket({ fd: ends.ours, readable: false, writable: true });
    return socket.on('close', () => ends.closed(false));
  }

  #readable(ends: NamedPipe | 'pipe', nodes: Readable | null): Output | null {
    if (ends === 'pipe') return nodes;
    const socket = pipeOutput(ends.ours);
    return socket.on('close', () => ends.closed(socket.readableEnded));
  }
}

const named = (ends: NamedPipe | 'pipe' | 'ignore' | 'merged'): NamedPipe | undefined =>
  typeof ends === 'string' ? undefined : ends;

// After the end of a stream no other process can have it open for writing.
const isOpen = (stream: Output | null): boolean =>
  stream !== null && !stream.readableEnded && !stream.destroyed;
