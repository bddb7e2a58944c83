import { setTimeout as delay } from 'node:timers/promises';
import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import {
  limitExceeded,
  processExists,
  shuttingDown,
  unknownProcess,
  unsupported,
} from '../../protocol/errors.ts';
import type { Requests } from '../../protocol/messages.ts';
import type { Host } from '../host.ts';
import {
  DRAIN_MS,
  HEAD_TAIL_BYTES,
  KILL_GRACE_MS,
  LAST_MESSAGES_MS,
  RETAINED_BYTES,
  RETAINED_MS,
  SHUTDOWN_GRACE_MS,
} from '../limits.ts';
import type { Outbound } from '../outbound.ts';
import { NamedPipes } from '../platform/named-pipes.ts';
import { type ProcessGroups, processGroups } from '../platform/process-groups.ts';
import { descendantsOf, readProcessTable } from '../platform/process-table.ts';
import type { Watchdog } from '../platform/watchdog.ts';
import { ClosedProcesses } from './closed-processes.ts';
import { describeProcess } from './describe-process.ts';
import { ManagedProcess, type ProcessOptions } from './managed-process.ts';
import { readOutput } from './read-output.ts';
import { Remains } from './remains.ts';
import { startChild } from './start-child.ts';

type Params<Name extends keyof Requests> = ParamsOut<Requests[Name]>;
type Result<Name extends keyof Requests> = ResultIn<Requests[Name]>;

/** What a client decides once, for all its processes. */
export type ProcessDefaults = {
  readonly windowBytes: number;
  readonly retainedBytes: number;
  readonly retainedMs: number;
};

/** The processes of one connection, by the ids that the client gave them. */
export class Processes {
  readonly #host: Host;
  readonly #outbound: Outbound;
  readonly #groups: ProcessGroups;
  readonly #watchdog: Watchdog;
  readonly #maxProcesses: number;
  readonly #pipes: NamedPipes | undefined;
  /** Not closed; `'starting'` holds the id of a start that isn't decided yet. */
  readonly #live = new Map<string, ManagedProcess | 'starting'>();
  readonly #closed = new ClosedProcesses();
  readonly #remains: Remains;
  #defaults: ProcessDefaults = {
    windowBytes: Number.POSITIVE_INFINITY,
    retainedBytes: RETAINED_BYTES,
    retainedMs: RETAINED_MS,
  };
  #stopping = false;

  constructor(host: Host, outbound: Outbound, watchdog: Watchdog, maxProcesses: number) {
    this.#host = host;
    this.#outbound = outbound;
    this.#watchdog = watchdog;
    this.#maxProcesses = maxProcesses;
    this.#groups = processGroups(host.platform);
    this.#remains = new Remains(this.#groups, watchdog);
    // Elsewhere FIFOs exist, too, but not the look into other processes that makes them worth it.
    this.#pipes =
      host.platform === 'linux'
        ? new NamedPipes(host.tempDir, directory => watchdog.useDirectory(directory))
        : undefined;
  }

  configure(defaults: ProcessDefaults): void {
    this.#defaults = defaults;
  }

  /** Does what a first start would wait for. */
  prepare(): void {
    this.#pipes?.prepare();
  }

  /** How many processes aren't closed. */
  get count(): number {
    return this.#live.size;
  }

  async start(params: Params<'processStart'>): Promise<Result<'processStart'>> {
    const { processId } = params;
    if (this.#stopping) throw shuttingDown();
    if (this.#live.has(processId)) throw processExists(processId);
    if (this.#live.size >= this.#maxProcesses) {
      throw limitExceeded('processes', this.#live.size + 1, this.#maxProcesses);
    }
    this.#closed.forget(processId);
    this.#live.set(processId, 'starting');
    try {
      const { detached } = this.#groups;
      const { child, environment } = await startChild(params, this.#host, this.#pipes, detached);
      this.#manage(new ManagedProcess(child, this.#optionsOf(params), this.#outbound, this.#groups));
      return { processId, sandboxType: 'none', pid: child.pid, environment };
    } catch (error) {
      this.#live.delete(processId);
      throw error;
    }
  }

  async write({ processId, chunk, writeId }: Params<'processWrite'>): Promise<Result<'processWrite'>> {
    const process = this.#live.get(processId);
    if (process === 'starting') return { status: 'starting' };
    if (process !== undefined) return { status: await process.write(chunk, writeId) };
    return { status: this.#closed.get(processId) === undefined ? 'unknownProcess' : 'stdinClosed' };
  }

  closeStdin({ processId }: Params<'processCloseStdin'>): Result<'processCloseStdin'> {
    const process = this.#find(processId);
    process?.closeStdin();
    return { status: process === undefined ? 'unknownProcess' : 'accepted' };
  }

  async signal({ processId, target }: Params<'processSignal'>, signal: NodeJS.Signals): Promise<void> {
    const process = this.#notClosed(processId);
    if (target === 'group') process?.signal(signal);
    // After its end the pid may be somebody else's; the group isn't while it has members.
    else if (process?.state === 'running') {
      signalEach(target === 'tree' ? await this.#tree(process) : [process.pid], signal);
    }
  }

  /** @throws {ExecServerError} `unknownProcess`, or `unsupported` for one without a terminal */
  resize({ processId, size }: Params<'processResize'>): void {
    const process = this.#find(processId);
    if (process === undefined) throw unknownProcess(processId);
    if (!process.options.tty) throw unsupported('processId', `process ${processId} has no terminal`);
    process.resize(size);
  }

  terminate({ processId }: Params<'processTerminate'>): Result<'processTerminate'> {
    return { running: this.#notClosed(processId)?.terminate() ?? false };
  }

  acknowledge({ processId, seq }: Params<'processAcknowledge'>): void {
    this.#notClosed(processId)?.acknowledge(seq);
  }

  /** @throws {ExecServerError} `unknownProcess` for one that never was or is no longer kept */
  async read(params: Params<'processRead'>): Promise<Result<'processRead'>> {
    const process = this.#find(params.processId);
    if (process === undefined) throw unknownProcess(params.processId);
    return readOutput(process, params);
  }

  async list(): Promise<Result<'processList'>> {
    const table = (await readProcessTable(this.#host.platform)) ?? new Map();
    const inOrder = [...this.#closed.all(), ...this.#started()].sort((a, b) => a.startedAtMs - b.startedAtMs);
    return { processes: inOrder.map(process => describeProcess(process, table)) };
  }

  /** Ends everything that was started here. Resolves when nothing of it is left; later starts are refused. */
  async stopAll(): Promise<void> {
    this.#stopping = true;
    const processes = this.#started();
    for (const process of processes) {
      process.terminate(Math.min(process.options.killGraceMs, SHUTDOWN_GRACE_MS));
    }
    await Promise.all([...processes.map(process => process.terminated()), this.#remains.stop()]);
    // With the groups gone their streams end at once, unless the client still has to read.
    const lastMessages = Promise.all(processes.map(process => process.closed));
    await Promise.race([lastMessages, delay(LAST_MESSAGES_MS, undefined, { ref: false })]);
    for (const process of this.#started()) process.abandon();
    await this.#pipes?.dispose();
    await this.#watchdog.end();
  }

  #optionsOf(params: Params<'processStart'>): ProcessOptions {
    return {
      processId: params.processId,
      argv0: params.arg0 ?? (params.argv[0] as string),
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
      this.#remains.closed(process);
    });
  }

  #started(): ManagedProcess[] {
    return [...this.#live.values()].filter(process => process !== 'starting');
  }

  #notClosed(processId: string): ManagedProcess | undefined {
    const process = this.#live.get(processId);
    return process === 'starting' ? undefined : process;
  }

  #find(processId: string): ManagedProcess | undefined {
    return this.#notClosed(processId) ?? this.#closed.get(processId);
  }

  async #tree(process: ManagedProcess): Promise<number[]> {
    const table = await readProcessTable(this.#host.platform);
    return [process.pid, ...(table === undefined ? [] : descendantsOf(process.pid, table))];
  }
}

const signalEach = (pids: readonly number[], signal: NodeJS.Signals): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
};
