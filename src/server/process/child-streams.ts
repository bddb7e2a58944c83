import type { ChildProcess } from 'node:child_process';
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { resourceShortage, unsupported } from '../../protocol/errors.ts';
import { hasReaders, type NamedPipes, type PipeEnds } from '../platform/named-pipes.ts';
import type { Child, Output } from './child.ts';
import { pipeOutput } from './pipe-output.ts';

/** Which streams a child gets. */
export type StreamPlan = {
  /** Without it stdin is the null device. */
  readonly pipeStdin: boolean;
  /** Whether stderr goes where stdout goes, in the order of the writes. */
  readonly mergeStderr: boolean;
};

/**
 * The streams of a child on pipes, from before its start. Named pipes where there are any, otherwise Node's
 * own. Exactly one of `adopt` and `abandon` is called in the end.
 */
export class ChildStreams {
  readonly #pipes: NamedPipes | undefined;
  readonly #stdin: PipeEnds | 'pipe' | 'ignore';
  readonly #stdout: PipeEnds | 'pipe';
  readonly #stderr: PipeEnds | 'pipe' | 'merged';

  /** @throws {ExecServerError} `unsupported` for `mergeStderr` without named pipes */
  constructor(plan: StreamPlan, pipes: NamedPipes | undefined) {
    this.#pipes = pipes;
    this.#stdin = plan.pipeStdin ? (pipes?.forInput() ?? 'pipe') : 'ignore';
    this.#stdout = pipes?.forOutput() ?? 'pipe';
    this.#stderr = plan.mergeStderr ? 'merged' : (pipes?.forOutput() ?? 'pipe');
    if (plan.mergeStderr && this.#stdout === 'pipe') {
      this.abandon();
      if (pipes !== undefined && pipes.unavailable === undefined) throw resourceShortage('EMFILE');
      throw unsupported('mergeStderr', pipes?.unavailable ?? 'there are no named pipes on this platform');
    }
  }

  /** What `spawn` takes as `stdio`. */
  get stdio(): Array<'pipe' | 'ignore' | number> {
    const childs = (ends: PipeEnds | 'pipe' | 'ignore') => (typeof ends === 'string' ? ends : ends.childs);
    const stdout = childs(this.#stdout);
    return [childs(this.#stdin), stdout, this.#stderr === 'merged' ? stdout : childs(this.#stderr)];
  }

  /** Takes our ends as streams, after the child has started. */
  adopt(child: ChildProcess): Pick<Child, 'stdin' | 'outputs' | 'links' | 'ownLinks' | 'readLinks' | 'cut'> {
    for (const { childs } of this.#named) closeSync(childs);
    const stdin = this.#stdin === 'ignore' ? null : this.#writable(this.#stdin, child.stdin);
    const stdout = this.#readable(this.#stdout, child.stdout);
    const stderr = this.#stderr === 'merged' ? null : this.#readable(this.#stderr, child.stderr);
    return {
      stdin,
      outputs: { stdout, stderr },
      links: this.#named.map(({ path }) => path),
      ownLinks: () => [
        ...this.#openLinks(this.#stdout, stdout),
        ...this.#openLinks(this.#stderr, stderr),
        ...this.#readLinks(stdin),
      ],
      readLinks: () => this.#readLinks(stdin),
      cut: () => {
        this.#tellCut(this.#stdout, stdout);
        this.#tellCut(this.#stderr, stderr);
        for (const stream of [stdin, stdout, stderr]) stream?.destroy();
      },
    };
  }

  /** Closes everything, after a start that failed. */
  abandon(): void {
    for (const { ours, childs, path } of this.#named) {
      closeSync(ours);
      closeSync(childs);
      this.#pipes?.release(path, true);
    }
  }

  get #named(): PipeEnds[] {
    return [this.#stdin, this.#stdout, this.#stderr].filter(ends => typeof ends !== 'string');
  }

  // A pipe whose end was read may serve another child.
  #openLinks(ends: PipeEnds | 'pipe' | 'merged', stream: Output | null): string[] {
    return typeof ends === 'string' || stream?.destroyed ? [] : [ends.path];
  }

  // Once our end is closed the pipe may serve another child, unless it is held.
  #readLinks(stdin: Writable | null): string[] {
    if (stdin === null || typeof this.#stdin === 'string') return [];
    const { path } = this.#stdin;
    return (stdin.closed ? this.#pipes?.isHeld(path) : hasReaders(path)) ? [path] : [];
  }

  // The end of a stream takes some turns of the event loop, and the server may be asked who holds it before.
  #tellCut(ends: PipeEnds | 'pipe' | 'merged', stream: Output | null): void {
    if (typeof ends !== 'string' && !stream?.destroyed) this.#pipes?.cut(ends.path);
  }

  #writable(ends: PipeEnds | 'pipe', nodes: Writable | null): Writable | null {
    if (ends === 'pipe') return nodes;
    const socket = new Socket({ fd: ends.ours, readable: false, writable: true });
    return socket.on('close', () => this.#pipes?.releaseInput(ends.path));
  }

  #readable(ends: PipeEnds | 'pipe', nodes: Readable | null): Output | null {
    if (ends === 'pipe') return nodes;
    const socket = pipeOutput(ends.ours);
    return socket.on('close', () => this.#pipes?.release(ends.path, socket.readableEnded));
  }
}
