import { setTimeout as delay } from 'node:timers/promises';
import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import { processExists, shuttingDown, unsupported } from '../../protocol/errors.ts';
import type { Requests } from '../../protocol/messages.ts';
import { countDecisions, platformOf, traceEnv } from '../../shared-config/index.ts';
import type { Host } from '../host.ts';
import { KILL_GRACE_MS, LAST_MESSAGES_MS } from '../limits.ts';
import type { Outbound } from '../outbound.ts';
import { nativePath } from '../platform/native-path.ts';
import type { ProcessGroups } from '../platform/process-groups.ts';
import { launch } from './launch.ts';
import { ManagedProcess } from './managed-process.ts';
import { stopGroup } from './stop-group.ts';

type StartParams = ParamsOut<Requests['processStart']>;
type StartResult = ResultIn<Requests['processStart']>;
type WriteResult = ResultIn<Requests['processWrite']>;

/** The processes of one connection, by the ids that the client gave them. */
export class Processes {
  readonly #host: Host;
  readonly #outbound: Outbound;
  readonly #groups: ProcessGroups;
  /** `'starting'` holds the id of a start that isn't decided yet. */
  readonly #live = new Map<string, ManagedProcess | 'starting'>();
  /** Groups that outlived their leader's `process/closed`; they end with the connection. */
  readonly #leftGroups = new Set<number>();
  #stopping = false;

  constructor(host: Host, outbound: Outbound, groups: ProcessGroups) {
    this.#host = host;
    this.#outbound = outbound;
    this.#groups = groups;
  }

  async start(params: StartParams): Promise<StartResult> {
    const { processId } = params;
    refuseWhatIsMissing(params);
    if (this.#stopping) throw shuttingDown();
    if (this.#live.has(processId)) throw processExists(processId);
    this.#live.set(processId, 'starting');
    try {
      return await this.#launch(params);
    } catch (error) {
      this.#live.delete(processId);
      throw error;
    }
  }

  async write(processId: string, chunk: Buffer, writeId: string | undefined): Promise<WriteResult> {
    const process = this.#live.get(processId);
    if (process === undefined) return { status: 'unknownProcess' };
    if (process === 'starting') return { status: 'starting' };
    return { status: await process.write(chunk, writeId) };
  }

  /** Ends the stdin of a process; `false` if there is no such process. */
  closeStdin(processId: string): boolean {
    const process = this.#running(processId);
    process?.closeStdin();
    return process !== undefined;
  }

  signal(processId: string, signal: NodeJS.Signals): void {
    this.#running(processId)?.signal(signal);
  }

  /** Ends a process; `false` if it wasn't running. */
  terminate(processId: string): boolean {
    return this.#running(processId)?.terminate(KILL_GRACE_MS) ?? false;
  }

  /** Ends everything that was started here. Resolves when nothing of it is left; later starts are refused. */
  async stopAll(): Promise<void> {
    this.#stopping = true;
    const processes = [...this.#live.values()].filter(process => process !== 'starting');
    for (const process of processes) process.terminate(KILL_GRACE_MS);
    await Promise.all([
      ...processes.map(process => process.terminated()),
      ...[...this.#leftGroups].map(leader => stopGroup(this.#groups, leader, KILL_GRACE_MS)),
    ]);
    // With the groups gone their streams end at once, unless somebody outside of them holds one.
    const lastMessages = Promise.all(processes.map(process => process.closed));
    await Promise.race([lastMessages, delay(LAST_MESSAGES_MS, undefined, { ref: false })]);
  }

  async #launch(params: StartParams): Promise<StartResult> {
    const { platform } = this.#host;
    const { env, decisions } = traceEnv({
      base: this.#host.env,
      policy: params.envPolicy,
      overlay: params.env,
      platform: platformOf(platform),
    });
    const child = await launch({
      argv: params.argv as [string, ...string[]],
      arg0: params.arg0,
      cwd: nativePath('cwd', params.cwd, platform),
      env,
      pipeStdin: params.pipeStdin,
      detached: this.#groups.detached,
      platform,
    });
    this.#manage(params.processId, new ManagedProcess(params.processId, child, this.#outbound, this.#groups));
    return {
      processId: params.processId,
      sandboxType: 'none',
      pid: child.pid,
      environment: countDecisions(decisions),
    };
  }

  #manage(processId: string, process: ManagedProcess): void {
    this.#live.set(processId, process);
    void process.closed.then(() => {
      this.#live.delete(processId);
      if (this.#groups.isAlive(process.pid)) this.#leftGroups.add(process.pid);
    });
  }

  #running(processId: string): ManagedProcess | undefined {
    const process = this.#live.get(processId);
    return process === 'starting' ? undefined : process;
  }
}

const refuseWhatIsMissing = ({ tty, sandbox, enforceManagedNetwork }: StartParams): void => {
  if (tty) throw unsupported('tty', 'this server starts processes on pipes only');
  const unconfined = 'this server cannot confine a process, and runs none unconfined that asks for it';
  if (sandbox !== undefined) throw unsupported('sandbox', unconfined);
  if (enforceManagedNetwork) throw unsupported('enforceManagedNetwork', unconfined);
};
