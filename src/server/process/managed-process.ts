import { outputEncoder } from '../../protocol/framing/encode.ts';
import { type ExitReason, type OutputStream, processClosed, processExited } from '../../protocol/process.ts';
import { EXITED_WAIT_MS } from '../limits.ts';
import type { Outbound } from '../outbound.ts';
import type { ProcessGroups } from '../platform/process-groups.ts';
import type { RunningChild } from './launch.ts';
import { OutputPump } from './output-pump.ts';
import { signalExitCode } from './signals.ts';
import { StdinQueue, type WriteStatus } from './stdin-queue.ts';
import { stopGroup } from './stop-group.ts';

type Exit = { readonly exitCode: number; readonly signal: NodeJS.Signals | undefined };

/** Where a process is; each phase carries what is known in it. Phases only move downwards. */
type Phase =
  | { readonly name: 'running' }
  /** It has ended, the client isn't told yet: what it wrote itself goes first. */
  | { readonly name: 'ending'; readonly exit: Exit; readonly wait: NodeJS.Timeout }
  /** The client is told; somebody else still holds its streams. */
  | { readonly name: 'exited' }
  | { readonly name: 'closed' };

/** One child from its start to `process/closed`, and the only place that numbers what is sent of it. */
export class ManagedProcess {
  readonly #id: string;
  readonly #child: RunningChild;
  readonly #outbound: Outbound;
  readonly #groups: ProcessGroups;
  readonly #pump: OutputPump;
  readonly #stdin: StdinQueue;
  readonly #encoders = new Map<OutputStream, ReturnType<typeof outputEncoder>>();
  #phase: Phase = { name: 'running' };
  #seq = 0;
  #terminating: Promise<void> | undefined;

  /** Resolves when `process/closed` was sent. */
  readonly closed: Promise<void>;
  #resolveClosed: () => void = () => {};

  constructor(id: string, child: RunningChild, outbound: Outbound, groups: ProcessGroups) {
    this.#id = id;
    this.#child = child;
    this.#outbound = outbound;
    this.#groups = groups;
    this.#stdin = new StdinQueue(child.stdin);
    this.closed = new Promise(resolve => {
      this.#resolveClosed = resolve;
    });
    this.#pump = new OutputPump(
      outbound,
      (stream, chunk) => this.#sendOutput(stream, chunk),
      () => this.#onStreamsEnded(),
    );
    child.on('exit', (code, signal) => this.#onExit(code, signal));
    this.#pump.attach({ stdout: child.stdout, stderr: child.stderr });
  }

  get pid(): number {
    return this.#child.pid;
  }

  write(chunk: Buffer, writeId: string | undefined): Promise<WriteStatus> {
    return this.#stdin.write(chunk, writeId);
  }

  closeStdin(): void {
    this.#stdin.end();
  }

  /** Sends a signal to the process's group. */
  signal(signal: NodeJS.Signals): void {
    this.#groups.signal(this.pid, signal);
  }

  /** Ends the process and its group; tells whether the process was running. Twice is harmless. */
  terminate(graceMs: number): boolean {
    const running = this.#phase.name === 'running';
    this.#terminating ??= stopGroup(this.#groups, this.pid, graceMs);
    return running;
  }

  /** Resolves when the group that `terminate` ends is gone. */
  async terminated(): Promise<void> {
    await this.#terminating;
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    const exit: Exit = {
      exitCode: signal === null ? (code ?? 0) : signalExitCode(signal),
      signal: signal ?? undefined,
    };
    const wait = setTimeout(() => this.#sendExited(), EXITED_WAIT_MS);
    this.#phase = { name: 'ending', exit, wait };
    if (this.#pump.ended) this.#onStreamsEnded();
  }

  #onStreamsEnded(): void {
    if (this.#phase.name === 'ending') this.#sendExited();
    if (this.#phase.name === 'exited') this.#sendClosed();
  }

  #sendOutput(stream: OutputStream, chunk: Buffer): void {
    const encode = this.#encoders.get(stream) ?? outputEncoder(this.#id, stream);
    this.#encoders.set(stream, encode);
    this.#outbound.send(encode(this.#nextSeq(), chunk));
  }

  #sendExited(): void {
    if (this.#phase.name !== 'ending') return;
    const { exit, wait } = this.#phase;
    clearTimeout(wait);
    this.#phase = { name: 'exited' };
    this.#outbound.notify(processExited, {
      processId: this.#id,
      seq: this.#nextSeq(),
      exitCode: exit.exitCode,
      sandboxDenied: false,
      signal: exit.signal ?? null,
      reason: this.#exitReason(exit),
    });
  }

  #sendClosed(): void {
    this.#phase = { name: 'closed' };
    this.#outbound.notify(processClosed, {
      processId: this.#id,
      seq: this.#nextSeq(),
      bytes: this.#pump.bytes,
    });
    this.#resolveClosed();
  }

  #exitReason(exit: Exit): ExitReason {
    if (this.#terminating !== undefined) return 'terminated';
    return exit.signal === undefined ? 'exited' : 'signaled';
  }

  #nextSeq(): number {
    this.#seq += 1;
    return this.#seq;
  }
}
