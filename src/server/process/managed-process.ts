import type { StreamBytes, TerminalSize } from '../../protocol/process.ts';
import type { ProcessGroups } from '../../system/process-groups.ts';
import type { Outlet } from '../outlet.ts';
import type { Child } from './child.ts';
import { ChildSignals } from './child-signals.ts';
import { Ending, type Exit } from './ending.ts';
import { Journal } from './journal.ts';
import { Credit } from './output/credit.ts';
import { HeadTail } from './output/head-tail.ts';
import { OutputFlow } from './output/output-flow.ts';
import { OutputLog } from './output/output-log.ts';
import type { ProcessMemory } from './process-memory.ts';
import type { ProcessOptions } from './start/process-options.ts';
import { StdinQueue } from './stdin-queue.ts';
import { ChildGroup } from './stop/child-group.ts';
import { Termination } from './stop/termination.ts';

/** Facilities that the processes of a connection share. */
export type ProcessContext = {
  readonly outbound: Outlet;
  readonly groups: ProcessGroups;
  readonly memory: ProcessMemory;
};

/** One child from its start to `process/closed`. */
export class ManagedProcess {
  readonly options: ProcessOptions;
  readonly startedAtMs = Date.now();
  /** Start by the monotonic clock, for sorting: the date may be set back. */
  readonly startedAt = performance.now();
  readonly group: ChildGroup;
  readonly stdin: StdinQueue;
  readonly journal: Journal;
  readonly signals: ChildSignals;
  readonly ending: Ending;
  readonly #child: Child;
  readonly #flow: OutputFlow;
  readonly #termination: Termination;

  constructor(child: Child, options: ProcessOptions, { outbound, groups, memory }: ProcessContext) {
    const { headTailBytes, timeoutMs } = options;
    this.options = options;
    this.#child = child;
    this.group = new ChildGroup(child, groups);
    this.stdin = new StdinQueue(child.stdin, memory.stdin);
    const isRunning = () => this.state === 'running';
    this.signals = new ChildSignals(child, this.group, isRunning);
    this.#termination = new Termination(child, this.group, this.signals, isRunning);
    const log = new OutputLog(options.retainedBytes, memory.retained);
    this.journal = new Journal(options.processId, outbound, log);
    this.#flow = new OutputFlow(
      outbound,
      new Credit(options.windowBytes),
      headTailBytes === undefined ? undefined : new HeadTail(headTailBytes, memory.headTail),
      {
        output: chunk => {
          child.sandboxed?.denial.push(chunk.bytes);
          return this.journal.sendOutput(chunk);
        },
        dropped: bytes => this.journal.sendDropped(bytes),
        ended: () => this.ending.onStreamsEnded(),
      },
      memory.pending,
    );
    this.ending = new Ending(child, this.#flow, options, {
      exited: exit => this.journal.sendExited(exit, this.#termination.reason, this.sandboxDenied),
      closed: holders => {
        this.stdin.end();
        this.journal.sendClosed(this.bytes, holders);
      },
    });
    if (timeoutMs !== undefined) this.#termination.startTimeout(timeoutMs, options.killGraceMs);
    child.onExit((code, signal) => {
      this.#termination.cancelTimeout();
      this.ending.onExit(code, signal ?? this.signals.endedBy(code));
    });
    this.#flow.attach(child.outputs);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get state(): Ending['state'] {
    return this.ending.state;
  }

  get exit(): Exit | undefined {
    return this.ending.exit;
  }

  /** Bytes sent, by stream. */
  get bytes(): StreamBytes {
    return this.#flow.bytes;
  }

  /** True if it has failed and its output suggests that its sandbox denied something. */
  get sandboxDenied(): boolean {
    return this.exit !== undefined && (this.#child.sandboxed?.denial.isLikely(this.exit.exitCode) ?? false);
  }

  /** The terminal that it was started on, if that has a name. */
  get terminal(): Child['terminal'] {
    return this.#child.terminal;
  }

  /** Resolves when `process/closed` was sent. */
  get closed(): Promise<void> {
    return this.ending.closed;
  }

  /** Resolves when the program runs: in a sandbox it gets no signals before. */
  async runs(): Promise<void> {
    await this.#child.sandboxed?.command.runs();
  }

  acknowledge(seq: number, windowBytes?: number): void {
    this.#flow.acknowledge(seq, windowBytes);
  }

  resize(size: TerminalSize): void {
    this.#child.resize(size);
  }

  /** Stops it and the processes that it leaves; returns true if it was running. Idempotent. */
  terminate(graceMs = this.options.killGraceMs): boolean {
    const wasRunning = this.state === 'running';
    this.#termination.stop('terminated', graceMs);
    return wasRunning;
  }

  /** Resolves when everything that `terminate` ends is gone. */
  terminated(): Promise<void> {
    return this.#termination.stopped;
  }
}
