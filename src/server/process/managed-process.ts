import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type ExitReason,
  type OutputStream,
  processClosed,
  processExited,
  processOutputDropped,
  type StreamBytes,
  type TerminalSize,
} from '../../protocol/process.ts';
import { startTimer, type Timer } from '../../system/deadline.ts';
import { findHolders, type Holder } from '../../system/holders.ts';
import { type PinnedFile, releaseAll } from '../../system/pinned-file.ts';
import type { ProcessGroups } from '../../system/process-groups.ts';
import { descendantsOf, readProcessTable } from '../../system/process-table.ts';
import { signalPid, signalProcess } from '../../system/signal-process.ts';
import type { Outbound } from '../connection/outbound.ts';
import type { Child } from './child.ts';
import { EXITED_WAIT_MS } from './limits.ts';
import { Credit } from './output/credit.ts';
import { type Chunk, HeadTail } from './output/head-tail.ts';
import { OutputFlow } from './output/output-flow.ts';
import { type LogSlice, OutputLog } from './output/output-log.ts';
import type { ProcessMemory } from './process-memory.ts';
import { signalExitCode } from './signals.ts';
import { StdinQueue, type WriteStatus } from './stdin-queue.ts';
import { ChildGroup } from './stop/child-group.ts';
import { stopProcess } from './stop/stop-process.ts';

/** What a client decides about a process when it starts it. */
export type ProcessOptions = {
  readonly processId: string;
  readonly argv0: string;
  readonly tty: boolean;
  readonly timeoutMs: number | undefined;
  readonly killGraceMs: number;
  readonly drainMs: number;
  /** Head and tail together, in bytes; lossless without. */
  readonly headTailBytes: number | undefined;
  readonly windowBytes: number;
  readonly retainedBytes: number;
};

type Exit = { readonly exitCode: number; readonly signal: NodeJS.Signals | undefined; readonly atMs: number };

/** Where a process is; each phase carries what is known in it. Phases only move downwards. */
type Phase =
  | { readonly name: 'running' }
  /** It has ended, the client isn't told yet: what it wrote itself goes first. */
  | { readonly name: 'ending'; readonly exit: Exit; readonly wait: Timer }
  /** The client is told; somebody else still holds its streams, or the client has yet to read. */
  | { readonly name: 'exited'; readonly exit: Exit }
  | { readonly name: 'closed'; readonly exit: Exit };

/** One child from its start to `process/closed`, and the only place that numbers what is sent of it. */
export class ManagedProcess {
  readonly options: ProcessOptions;
  readonly group: ChildGroup;
  readonly startedAtMs = Date.now();
  /** Orders processes by their start, which the date can't: it may be set back. */
  readonly startedAt = performance.now();
  readonly #child: Child;
  readonly #outbound: Outbound;
  readonly #flow: OutputFlow;
  readonly #stdin: StdinQueue;
  readonly #log: OutputLog;
  readonly #senders = new Map<OutputStream, (seq: number, chunk: Buffer) => void>();
  readonly #changed = new Set<() => void>();
  readonly #timeout: Timer | undefined;
  #drain: Timer | undefined;
  #phase: Phase = { name: 'running' };
  #seq = 0;
  /** Those that were sent to a confined process: their ends come as exit codes. */
  readonly #sentSignals = new Set<NodeJS.Signals>();
  #stopReason: ExitReason | undefined;
  #stopping: Promise<void> | undefined;
  #stopGraceMs = Number.POSITIVE_INFINITY;
  #holders: readonly Holder[] | undefined;
  #keptTerminal: PinnedFile | undefined;

  /** Resolves when `process/closed` was sent. */
  readonly closed: Promise<void>;
  #resolveClosed: () => void = () => {};

  constructor(
    child: Child,
    options: ProcessOptions,
    outbound: Outbound,
    groups: ProcessGroups,
    memory: ProcessMemory,
  ) {
    this.options = options;
    this.#child = child;
    this.#outbound = outbound;
    this.group = new ChildGroup(child, groups);
    this.#stdin = new StdinQueue(child.stdin, memory.stdin);
    this.#log = new OutputLog(options.retainedBytes, memory.retained);
    this.closed = new Promise(resolve => {
      this.#resolveClosed = resolve;
    });
    this.#flow = new OutputFlow(
      outbound,
      new Credit(options.windowBytes),
      options.headTailBytes === undefined ? undefined : new HeadTail(options.headTailBytes, memory.headTail),
      {
        output: chunk => this.#sendOutput(chunk),
        dropped: bytes => this.#sendDropped(bytes),
        ended: () => this.#onStreamsEnded(),
      },
      memory.pending,
    );
    if (options.timeoutMs !== undefined) {
      this.#timeout = startTimer(options.timeoutMs, () => void this.#timedOut());
    }
    child.onExit((code, signal) => this.#onExit(code, signal));
    this.#flow.attach(child.outputs);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Whether it is in a sandbox, which ends with it and leaves nothing behind. */
  get isConfined(): boolean {
    return this.#child.confined !== undefined;
  }

  /** Resolves when the program runs: in a sandbox that takes a moment, in which it can't be sent a signal. */
  async runs(): Promise<void> {
    await this.#child.confined?.command.runs();
  }

  /** Whether it has failed, and likely because of its sandbox. */
  get sandboxDenied(): boolean {
    return this.exit !== undefined && (this.#child.confined?.denial.likely(this.exit.exitCode) ?? false);
  }

  /** The terminal that it was started on, if that has a name. */
  get terminal(): Child['terminal'] {
    return this.#child.terminal;
  }

  /** Its terminal, if that was cut while others held it; the caller has to release it. */
  get keptTerminal(): PinnedFile | undefined {
    return this.#keptTerminal;
  }

  /** What keeping it for reading costs, in bytes. */
  get retainedBytes(): number {
    return this.#log.heldBytes;
  }

  get state(): 'running' | 'exited' | 'closed' {
    return this.#phase.name === 'ending' ? 'exited' : this.#phase.name;
  }

  get exit(): Exit | undefined {
    return this.#phase.name === 'running' ? undefined : this.#phase.exit;
  }

  /** Bytes sent of each stream. */
  get bytes(): StreamBytes {
    return this.#flow.bytes;
  }

  /** The number that the next message gets. */
  get nextSeq(): number {
    return this.#seq + 1;
  }

  /** The most of the retained output that `read` would give. */
  sizeAfter(afterSeq: number, maxBytes: number): ReturnType<OutputLog['sizeAfter']> {
    return this.#log.sizeAfter(afterSeq, maxBytes);
  }

  /** Lets go of what is retained: it can't be read any more. */
  forget(): void {
    this.#log.close();
  }

  read(afterSeq: number, maxBytes: number): LogSlice {
    return this.#log.read(afterSeq, maxBytes);
  }

  /** Calls back once, at the next output, exit or close. */
  onceChanged(listener: () => void): () => void {
    this.#changed.add(listener);
    return () => this.#changed.delete(listener);
  }

  /** How many wait for a change. */
  get waiting(): number {
    return this.#changed.size;
  }

  write(chunk: Buffer, writeId: string | undefined): Promise<WriteStatus> {
    return this.#stdin.write(chunk, writeId);
  }

  closeStdin(): void {
    this.#stdin.end();
  }

  acknowledge(seq: number): void {
    this.#flow.acknowledge(seq);
  }

  resize(size: TerminalSize): void {
    this.#child.resize(size);
  }

  /** Sends a signal to the process's group. */
  signal(signal: NodeJS.Signals): void {
    this.signaled(signal);
    this.group.signal(signal);
  }

  /** Sends a signal to the process alone, which in a sandbox is not the one that was started; none once it has ended. */
  signalProgram(signal: NodeJS.Signals): void {
    if (this.#phase.name !== 'running') return;
    this.signaled(signal);
    const { confined, pid } = this.#child;
    // Its pid is its own until its end is handled here.
    if (confined === undefined) signalPid(pid, signal);
    else if (confined.command.program !== undefined) signalProcess(confined.command.program, signal);
  }

  /** Sends a signal to the process and all below it, as a look at the machine finds them. */
  async signalTree(signal: NodeJS.Signals, platform: NodeJS.Platform): Promise<void> {
    if (this.#phase.name !== 'running') return;
    this.signaled(signal);
    const table = await readProcessTable(platform);
    // It may have ended during the look.
    if (this.#phase.name !== 'running') return;
    signalPid(this.pid, signal);
    for (const descendant of table === undefined ? [] : descendantsOf(this.pid, table)) {
      const entry = table?.get(descendant);
      if (entry !== undefined) signalProcess(entry, signal, platform);
    }
  }

  /** Takes note of a signal that is sent to it otherwise. */
  signaled(signal: NodeJS.Signals): void {
    this.#sentSignals.add(signal);
  }

  /**
   * Ends the process, its group and whoever else holds its streams; tells whether the process was running.
   * Twice is harmless.
   */
  terminate(graceMs = this.options.killGraceMs): boolean {
    const running = this.#phase.name === 'running';
    this.#stop('terminated', graceMs);
    return running;
  }

  /** Closes our ends of its streams, read or not; nothing more is sent of it. */
  abandon(): void {
    this.#disarmDrain();
    this.#child.cut();
  }

  /** Resolves when what `terminate` ends is gone. */
  async terminated(): Promise<void> {
    await this.#stopping;
  }

  async #timedOut(): Promise<void> {
    // In a sandbox the signal would be lost before the program runs, and SIGKILL be the first that it hears of it.
    await this.runs();
    if (this.#phase.name === 'running') this.#stop('timeout', this.options.killGraceMs);
  }

  #stop(reason: ExitReason, graceMs: number): void {
    if (this.#phase.name === 'running') this.#stopReason ??= reason;
    // A shorter grace counts: the end of the connection doesn't wait for a longer one that was given before.
    if (graceMs >= this.#stopGraceMs) return;
    this.#stopGraceMs = graceMs;
    this.signaled('SIGTERM');
    this.#stopping = stopProcess(this.group, graceMs, () => this.#child.pinStreams());
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    this.#timeout?.cancel();
    this.#exit(code, signal ?? this.#signalBehind(code));
  }

  /**
   * The signal that ended a confined process: of that comes 128 and its number, as a shell says it, and as any
   * program may. One that was sent from here is believed.
   */
  #signalBehind(code: number | null): NodeJS.Signals | null {
    if (this.#child.confined === undefined) return null;
    return [...this.#sentSignals].find(signal => signalExitCode(signal) === code) ?? null;
  }

  #exit(code: number | null, signal: NodeJS.Signals | null): void {
    const exit: Exit = {
      exitCode: signal === null ? (code ?? 0) : signalExitCode(signal),
      signal: signal ?? undefined,
      atMs: Date.now(),
    };
    const wait = startTimer(EXITED_WAIT_MS, () => this.#sendExited());
    this.#phase = { name: 'ending', exit, wait };
    if (this.#flow.ended) this.#onStreamsEnded();
    else this.#armDrain();
  }

  #onStreamsEnded(): void {
    if (this.#phase.name === 'ending') this.#sendExited();
    if (this.#phase.name === 'exited') this.#sendClosed(this.#phase.exit);
  }

  /** Cuts the streams when others have had `drainMs` to write to them; waiting for the client doesn't count. */
  #armDrain(): void {
    const { stalls } = this.#flow;
    this.#drain = startTimer(this.options.drainMs, () => {
      if (this.#flow.stalled || this.#flow.stalls !== stalls) this.#armDrain();
      else void this.#cut();
    });
  }

  #disarmDrain(): void {
    this.#drain?.cancel();
    this.#drain = undefined;
  }

  async #cut(): Promise<void> {
    const streams = this.#child.pinStreams();
    const holders = await findHolders(streams, { exclude: new Set([process.pid]) });
    releaseAll(streams);
    // They may have let go during the look, or just before, of which the next turn tells.
    await nextTurn();
    if (this.#flow.ended) return;
    this.#holders = holders ?? [];
    if (this.options.tty && this.#holders.length > 0) [this.#keptTerminal] = this.#child.pinStreams();
    this.#child.cut();
    this.#flow.cut();
  }

  #sendOutput({ stream, bytes }: Chunk): number {
    const send = this.#senders.get(stream) ?? this.#outbound.outputSender(this.options.processId, stream);
    this.#senders.set(stream, send);
    const seq = this.#takeSeq();
    this.#log.add({ seq, stream, bytes });
    this.#child.confined?.denial.push(bytes);
    send(seq, bytes);
    this.#tellChange();
    return seq;
  }

  #sendDropped(bytes: StreamBytes): void {
    this.#outbound.notify(processOutputDropped, {
      processId: this.options.processId,
      seq: this.#takeSeq(),
      bytes,
    });
  }

  #sendExited(): void {
    if (this.#phase.name !== 'ending') return;
    const { exit, wait } = this.#phase;
    wait.cancel();
    this.#phase = { name: 'exited', exit };
    this.#outbound.notify(processExited, {
      processId: this.options.processId,
      seq: this.#takeSeq(),
      exitCode: exit.exitCode,
      sandboxDenied: this.sandboxDenied,
      signal: exit.signal ?? null,
      reason: this.#stopReason ?? (exit.signal === undefined ? 'exited' : 'signaled'),
    });
    this.#tellChange();
  }

  #sendClosed(exit: Exit): void {
    this.#disarmDrain();
    this.#phase = { name: 'closed', exit };
    this.#stdin.end();
    this.#outbound.notify(processClosed, {
      processId: this.options.processId,
      seq: this.#takeSeq(),
      bytes: this.#flow.bytes,
      holders: this.#holders && [...this.#holders],
    });
    this.#tellChange();
    this.#resolveClosed();
  }

  #tellChange(): void {
    const listeners = [...this.#changed];
    this.#changed.clear();
    for (const listener of listeners) listener();
  }

  #takeSeq(): number {
    this.#seq += 1;
    return this.#seq;
  }
}
