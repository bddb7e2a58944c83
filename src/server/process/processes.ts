import { accessSync, constants } from 'node:fs';
import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import {
  limitExceeded,
  processExists,
  shuttingDown,
  startCalledOff,
  unknownProcess,
  unsupported,
} from '../../protocol/errors.ts';
import type { Requests } from '../../protocol/messages.ts';
import { settledWithin } from '../../system/deadline.ts';
import { NamedPipes } from '../../system/named-pipes.ts';
import { type ProcessGroups, processGroups } from '../../system/process-groups.ts';
import { readProcessTable } from '../../system/process-table.ts';
import { TimeSlice } from '../../system/time-slice.ts';
import type { Watchdog } from '../../system/watchdog.ts';
import type { Outbound } from '../connection/outbound.ts';
import type { Host } from '../environment/host.ts';
import type { BaseEnvs } from '../environment/login/base-env.ts';
import type { AnswerMemory } from '../memory/answer-memory.ts';
import type { MemoryBudget } from '../memory/memory-budget.ts';
import type { Sandboxes } from '../sandbox/sandboxes.ts';
import { ClosedProcesses } from './closed-processes.ts';
import { describeProcess } from './describe-process.ts';
import {
  DRAIN_MS,
  HEAD_TAIL_BYTES,
  KILL_GRACE_MS,
  LAST_MESSAGES_MS,
  LISTED_PROCESS_BYTES,
  MAX_LISTED_ARGV0_LENGTH,
  RETAINED_BYTES,
  RETAINED_MS,
  SHUTDOWN_GRACE_MS,
} from './limits.ts';
import { ManagedProcess, type ProcessOptions } from './managed-process.ts';
import { ProcessMemory } from './process-memory.ts';
import { OutputReads } from './read-output.ts';
import { PendingStart } from './start/pending-start.ts';
import { startChild } from './start/start-child.ts';
import { Remains } from './stop/leftovers.ts';

type Params<Name extends keyof Requests> = ParamsOut<Requests[Name]>;
type Result<Name extends keyof Requests> = ResultIn<Requests[Name]>;

/** What a client decides once, for all its processes. */
export type ProcessDefaults = {
  readonly windowBytes: number;
  readonly retainedBytes: number;
  readonly retainedMs: number;
};

/** What the processes of a connection work with. */
export type ProcessesContext = {
  readonly host: Host;
  readonly outbound: Outbound;
  readonly watchdog: Watchdog;
  readonly baseEnvs: BaseEnvs;
  readonly maxProcesses: number;
  readonly sandboxes: Sandboxes;
  readonly budget: MemoryBudget;
  readonly answers: AnswerMemory;
};

/** The processes of one connection, by the ids that the client gave them. */
export class Processes {
  readonly #host: Host;
  readonly #outbound: Outbound;
  readonly #groups: ProcessGroups;
  readonly #watchdog: Watchdog;
  readonly #baseEnvs: BaseEnvs;
  readonly #maxProcesses: number;
  readonly #sandboxes: Sandboxes;
  readonly #pipes: NamedPipes | undefined;
  /** Not closed; a pending start holds its id. */
  readonly #live = new Map<string, ManagedProcess | PendingStart>();
  readonly #closed = new ClosedProcesses();
  readonly #memory: ProcessMemory;
  readonly #answers: AnswerMemory;
  readonly #reads: OutputReads;
  readonly #remains: Remains;
  #defaults: ProcessDefaults = {
    windowBytes: Number.POSITIVE_INFINITY,
    retainedBytes: RETAINED_BYTES,
    retainedMs: RETAINED_MS,
  };
  #stopping = false;

  constructor(context: ProcessesContext) {
    const { host, outbound, watchdog, baseEnvs, maxProcesses, sandboxes, budget, answers } = context;
    this.#memory = new ProcessMemory(budget);
    this.#memory.retained.preferToDrop(() => this.#closed.forgetOldest());
    this.#reads = new OutputReads(answers);
    this.#answers = answers;
    this.#host = host;
    this.#outbound = outbound;
    this.#watchdog = watchdog;
    this.#baseEnvs = baseEnvs;
    this.#maxProcesses = maxProcesses;
    this.#sandboxes = sandboxes;
    this.#groups = processGroups(host.platform);
    this.#remains = new Remains(watchdog, () => this.#pipes?.pinHeld() ?? []);
    // Elsewhere FIFOs exist, too, but not the look into other processes that makes them worth it.
    this.#pipes =
      host.platform === 'linux'
        ? new NamedPipes(pipesParent(host.tempDir), directory => watchdog.useDirectory(directory))
        : undefined;
  }

  configure(defaults: ProcessDefaults): void {
    this.#defaults = defaults;
  }

  /** Does what a first start would wait for. */
  prepare(): void {
    this.#pipes?.prepare();
  }

  /** Where the named pipes of processes are, once there are any. */
  get pipeDirectory(): string | undefined {
    return this.#pipes?.directory;
  }

  /** How many processes aren't closed. */
  get count(): number {
    return this.#live.size;
  }

  async start(params: Params<'process/start'>): Promise<Result<'process/start'>> {
    const { processId } = params;
    if (this.#stopping) throw shuttingDown();
    if (this.#live.has(processId)) throw processExists(processId);
    if (this.#live.size >= this.#maxProcesses) {
      throw limitExceeded('processes', this.#live.size + 1, this.#maxProcesses);
    }
    this.#closed.forget(processId);
    const pending = new PendingStart();
    this.#live.set(processId, pending);
    try {
      const { child, sandboxType, environment, envBase } = await startChild(params, {
        host: this.#host,
        pipes: this.#pipes,
        detached: this.#groups.detached,
        sandboxes: this.#sandboxes,
        baseEnv: base => this.#wait(this.#baseEnvs.get(base), pending),
        wait: something => this.#wait(something, pending),
      });
      const process = new ManagedProcess(
        child,
        this.#optionsOf(params),
        this.#outbound,
        this.#groups,
        this.#memory,
      );
      this.#manage(process);
      if (child.confined !== undefined) await process.runs();
      return { processId, sandboxType, pid: child.pid, environment, envBase };
    } catch (error) {
      this.#live.delete(processId);
      throw error;
    }
  }

  async write({ processId, chunk, writeId }: Params<'process/write'>): Promise<Result<'process/write'>> {
    const process = this.#live.get(processId);
    if (process instanceof PendingStart) return { status: 'starting' };
    if (process !== undefined) return { status: await process.write(chunk, writeId) };
    return { status: this.#closed.get(processId) === undefined ? 'unknownProcess' : 'stdinClosed' };
  }

  closeStdin({ processId }: Params<'process/closeStdin'>): Result<'process/closeStdin'> {
    const process = this.#find(processId);
    process?.closeStdin();
    return { status: process === undefined ? 'unknownProcess' : 'accepted' };
  }

  async signal({ processId, target }: Params<'process/signal'>, signal: NodeJS.Signals): Promise<void> {
    const process = this.#notClosed(processId);
    if (target === 'group') process?.signal(signal);
    else if (target === 'process') process?.signalProgram(signal);
    else await process?.signalTree(signal, this.#host.platform);
  }

  /** @throws {ExecServerError} `unknownProcess`, or `unsupported` for one without a terminal */
  resize({ processId, size }: Params<'process/resize'>): void {
    const process = this.#find(processId);
    if (process === undefined) throw unknownProcess(processId);
    if (!process.options.tty) throw unsupported('processId', `process ${processId} has no terminal`);
    process.resize(size);
  }

  terminate({ processId }: Params<'process/terminate'>): Result<'process/terminate'> {
    const process = this.#live.get(processId);
    if (process instanceof PendingStart) process.callOff(startCalledOff(processId));
    return { running: this.#notClosed(processId)?.terminate() ?? false };
  }

  acknowledge({ processId, seq }: Params<'process/acknowledge'>): void {
    this.#notClosed(processId)?.acknowledge(seq);
  }

  /** @throws {ExecServerError} `unknownProcess` for one that never was or is no longer kept */
  async read(params: Params<'process/read'>): Promise<Result<'process/read'>> {
    const process = this.#find(params.processId);
    if (process === undefined) throw unknownProcess(params.processId);
    return this.#reads.read(process, params);
  }

  async list(): Promise<Result<'process/list'>> {
    const table = (await readProcessTable(this.#host.platform)) ?? new Map();
    const inOrder = [...this.#closed.all(), ...this.#started()].sort((a, b) => a.startedAt - b.startedAt);
    return this.#answers.making(inOrder.length * LISTED_PROCESS_BYTES, async () => {
      const described: Result<'process/list'>['processes'] = [];
      const slice = new TimeSlice();
      for (const process of inOrder) {
        described.push(describeProcess(process, table));
        if (slice.over) await slice.next();
      }
      return { processes: described };
    });
  }

  /**
   * Ends everything that was started here. Resolves when nothing of it is left; later starts are refused.
   *
   * @param others what else the watchdog looks after, until it has ended
   */
  async stopAll(others: Promise<void> = Promise.resolve(), exitWithinMs?: number): Promise<void> {
    this.#stopping = true;
    for (const process of this.#live.values()) {
      if (process instanceof PendingStart) process.callOff(shuttingDown());
    }
    const processes = this.#started();
    const slice = new TimeSlice();
    for (const process of processes) {
      process.terminate(Math.min(process.options.killGraceMs, SHUTDOWN_GRACE_MS));
      if (slice.over) await slice.next();
    }
    await Promise.all([
      ...processes.map(process => process.terminated()),
      this.#remains.stopGroups(),
      this.#baseEnvs.stop(),
    ]);
    await this.#remains.killHolders();
    // With the groups gone their streams end at once, unless the client still has to read.
    await settledWithin(Promise.all(processes.map(process => process.closed)), LAST_MESSAGES_MS);
    for (const process of this.#started()) process.abandon();
    await this.#pipes?.dispose();
    await others;
    await this.#watchdog.end(exitWithinMs);
  }

  /** Nothing may happen between this and the launch: what is called off by then must not start. */
  async #wait<Value>(something: Promise<Value>, pending: PendingStart): Promise<Value> {
    const value = await pending.waitFor(something);
    if (this.#stopping) throw shuttingDown();
    return value;
  }

  #optionsOf(params: Params<'process/start'>): ProcessOptions {
    return {
      processId: params.processId,
      argv0: (params.arg0 ?? (params.argv[0] as string)).slice(0, MAX_LISTED_ARGV0_LENGTH),
      tty: params.tty,
      timeoutMs: params.timeoutMs,
      killGraceMs: params.killGraceMs ?? KILL_GRACE_MS,
      drainMs: params.drainMs ?? DRAIN_MS,
      headTailBytes: params.output === 'headTail' ? (params.maxOutputBytes ?? HEAD_TAIL_BYTES) : undefined,
      windowBytes: this.#defaults.windowBytes,
      retainedBytes: this.#defaults.retainedBytes,
    };
  }

  #manage(process: ManagedProcess): void {
    const { processId } = process.options;
    this.#live.set(processId, process);
    this.#remains.started(process);
    void process.closed.then(() => {
      this.#live.delete(processId);
      this.#closed.keep(process, this.#defaults.retainedMs);
      this.#memory.processClosed();
      this.#remains.closed(process);
    });
  }

  #started(): ManagedProcess[] {
    return [...this.#live.values()].filter(process => process instanceof ManagedProcess);
  }

  #notClosed(processId: string): ManagedProcess | undefined {
    const process = this.#live.get(processId);
    return process instanceof PendingStart ? undefined : process;
  }

  #find(processId: string): ManagedProcess | undefined {
    return this.#notClosed(processId) ?? this.#closed.get(processId);
  }
}

// No confined process sees that one, since each sandbox has a /dev of its own.
const pipesParent = (tempDir: string): string => {
  try {
    accessSync(SHARED_MEMORY, constants.W_OK | constants.X_OK);
    return SHARED_MEMORY;
  } catch {
    return tempDir;
  }
};

const SHARED_MEMORY = '/dev/shm';
