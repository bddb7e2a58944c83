import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import { shuttingDown, startCancelled, unknownProcess, unsupported } from '../../protocol/errors.ts';
import type { Requests } from '../../protocol/messages.ts';
import { settledWithin } from '../../system/deadline.ts';
import type { Lazy } from '../../system/lazy.ts';
import type { NamedPipes } from '../../system/named-pipes.ts';
import { type ProcessGroups, processGroups } from '../../system/process-groups.ts';
import { readProcessTable } from '../../system/process-table.ts';
import { TimeSlice } from '../../system/time-slice.ts';
import type { Watchdog } from '../../system/watchdog.ts';
import type { Host } from '../environment/host.ts';
import type { BaseEnvs } from '../environment/login/base-env.ts';
import type { ShellSnapshots } from '../environment/snapshot/shell-snapshots.ts';
import type { AnswerMemory } from '../memory/answer-memory.ts';
import type { MemoryBudget } from '../memory/memory-budget.ts';
import type { Outlet } from '../outlet.ts';
import type { Sandboxes } from '../sandbox/sandboxes.ts';
import { describeProcess } from './describe-process.ts';
import {
  LAST_MESSAGES_MS,
  LISTED_PROCESS_BYTES,
  RETAINED_BYTES,
  RETAINED_MS,
  SHUTDOWN_GRACE_MS,
} from './limits.ts';
import { ManagedProcess } from './managed-process.ts';
import { ProcessMemory } from './process-memory.ts';
import { ProcessRegistry } from './process-registry.ts';
import { OutputReads } from './read-output.ts';
import type { PendingStart } from './start/pending-start.ts';
import { type ProcessDefaults, processOptions } from './start/process-options.ts';
import { startChild } from './start/start-child.ts';
import { LeftoverTracker } from './stop/leftovers.ts';

type Params<Name extends keyof Requests> = ParamsOut<Requests[Name]>;
type Result<Name extends keyof Requests> = ResultIn<Requests[Name]>;

/** Facilities of a connection that its processes use. */
export type ProcessesContext = {
  readonly host: Host;
  readonly outbound: Outlet;
  /** `undefined` where children get pipes of Node. */
  readonly pipes: NamedPipes | undefined;
  readonly watchdog: Watchdog;
  readonly baseEnvs: BaseEnvs;
  readonly snapshots: Lazy<ShellSnapshots>;
  readonly maxProcesses: number;
  readonly sandboxes: Sandboxes;
  readonly budget: MemoryBudget;
  readonly answers: AnswerMemory;
};

/** The processes of one connection, by the ids that the client chose. */
export class Processes {
  readonly #context: ProcessesContext;
  readonly #groups: ProcessGroups;
  readonly #registry: ProcessRegistry;
  readonly #memory: ProcessMemory;
  readonly #reads: OutputReads;
  readonly #leftovers: LeftoverTracker;
  #defaults: ProcessDefaults = {
    windowBytes: Number.POSITIVE_INFINITY,
    retainedBytes: RETAINED_BYTES,
    retainedMs: RETAINED_MS,
  };
  #stopping = false;

  constructor(context: ProcessesContext) {
    const { host, pipes, watchdog, maxProcesses, budget, answers } = context;
    this.#context = context;
    this.#groups = processGroups(host.platform);
    this.#registry = new ProcessRegistry(maxProcesses);
    this.#memory = new ProcessMemory(budget);
    this.#memory.retained.preferToDrop(() => this.#registry.closed.forgetOldest());
    this.#reads = new OutputReads(answers);
    this.#leftovers = new LeftoverTracker(watchdog, () => pipes?.pinHeld() ?? []);
  }

  configure(defaults: ProcessDefaults): void {
    this.#defaults = defaults;
  }

  /** Number of processes that are not closed. */
  get count(): number {
    return this.#registry.openCount;
  }

  async start(params: Params<'process/start'>): Promise<Result<'process/start'>> {
    const { processId } = params;
    if (this.#stopping) throw shuttingDown();
    const pending = this.#registry.reserve(processId);
    const { host, pipes, sandboxes, snapshots, baseEnvs, outbound } = this.#context;
    try {
      const { child, sandboxType, environment, envBase } = await startChild(params, {
        host,
        pipes,
        detached: this.#groups.detached,
        sandboxes,
        snapshots,
        serverEnv: baseEnvs.server,
        baseEnv: base => this.#wait(baseEnvs.get(base), pending),
        wait: promise => this.#wait(promise, pending),
      });
      const process = new ManagedProcess(child, processOptions(params, this.#defaults), {
        outbound,
        groups: this.#groups,
        memory: this.#memory,
      });
      this.#manage(process);
      if (child.sandboxed !== undefined) await process.runs();
      return { processId, sandboxType, pid: child.pid, environment, envBase };
    } catch (error) {
      this.#registry.release(processId);
      throw error;
    }
  }

  async write({ processId, chunk, writeId }: Params<'process/write'>): Promise<Result<'process/write'>> {
    if (this.#registry.pending(processId) !== undefined) return { status: 'starting' };
    const process = this.#registry.find(processId);
    return { status: (await process?.stdin.write(chunk, writeId)) ?? 'unknownProcess' };
  }

  closeStdin({ processId }: Params<'process/closeStdin'>): Result<'process/closeStdin'> {
    const process = this.#registry.find(processId);
    process?.stdin.end();
    return { status: process === undefined ? 'unknownProcess' : 'accepted' };
  }

  async signal({ processId, target }: Params<'process/signal'>, signal: NodeJS.Signals): Promise<void> {
    const signals = this.#registry.live(processId)?.signals;
    if (target === 'group') signals?.toGroup(signal);
    else if (target === 'process') signals?.toProcess(signal);
    else await signals?.toTree(signal, this.#context.host.platform);
  }

  /** @throws {ExecServerError} `unknownProcess`, or `unsupported` for a process without a terminal */
  resize({ processId, size }: Params<'process/resize'>): void {
    const process = this.#find(processId);
    if (!process.options.tty) throw unsupported('processId', `process ${processId} has no terminal`);
    process.resize(size);
  }

  terminate({ processId }: Params<'process/terminate'>): Result<'process/terminate'> {
    this.#registry.pending(processId)?.cancel(startCancelled(processId));
    return { running: this.#registry.live(processId)?.terminate() ?? false };
  }

  acknowledge({ processId, seq, windowBytes }: Params<'process/acknowledge'>): void {
    this.#registry.live(processId)?.acknowledge(seq, windowBytes);
  }

  /** @throws {ExecServerError} `unknownProcess` for an id that never existed or is no longer retained */
  async read(params: Params<'process/read'>): Promise<Result<'process/read'>> {
    const process = this.#find(params.processId);
    return this.#reads.read(process.journal, process, params);
  }

  async list(): Promise<Result<'process/list'>> {
    const { host, answers } = this.#context;
    const table = (await readProcessTable(host.platform)) ?? new Map();
    const processes = [...this.#registry.closed.all(), ...this.#registry.allLive()];
    processes.sort((a, b) => a.startedAt - b.startedAt);
    return answers.making(processes.length * LISTED_PROCESS_BYTES, async () => {
      const described: Result<'process/list'>['processes'] = [];
      const slice = new TimeSlice();
      for (const process of processes) {
        described.push(describeProcess(process, table));
        if (slice.over) await slice.next();
      }
      return { processes: described };
    });
  }

  /** Ends all processes and refuses later starts. Resolves when nothing is left. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const pending of this.#registry.allPending()) pending.cancel(shuttingDown());
    const processes = this.#registry.allLive();
    const slice = new TimeSlice();
    for (const process of processes) {
      process.terminate(Math.min(process.options.killGraceMs, SHUTDOWN_GRACE_MS));
      if (slice.over) await slice.next();
    }
    await Promise.all([...processes.map(process => process.terminated()), this.#leftovers.stopGroups()]);
    await this.#leftovers.killHolders();
    // Without the groups their streams end immediately, unless the client has yet to read.
    await settledWithin(Promise.all(processes.map(process => process.closed)), LAST_MESSAGES_MS);
    for (const process of this.#registry.allLive()) process.ending.abandon();
  }

  /** Waits for part of a start. Nothing asynchronous may come between this and the launch, or a cancelled start runs. */
  async #wait<Value>(promise: Promise<Value>, pending: PendingStart): Promise<Value> {
    const value = await pending.waitFor(promise);
    if (this.#stopping) throw shuttingDown();
    return value;
  }

  #manage(process: ManagedProcess): void {
    this.#registry.add(process);
    this.#leftovers.add(process);
    void process.closed.then(() => {
      this.#registry.close(process, this.#defaults.retainedMs);
      this.#memory.processClosed();
      this.#leftovers.onClosed(process);
    });
  }

  #find(processId: string): ManagedProcess {
    const process = this.#registry.find(processId);
    if (process === undefined) throw unknownProcess(processId);
    return process;
  }
}
