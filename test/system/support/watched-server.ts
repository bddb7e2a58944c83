import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type ProcessEntry, readProc } from '../../../src/system/process-table.ts';
import type { Watchdog } from '../../../src/system/watchdog.ts';

/** A method of the watchdog and its argument. */
export type Call = readonly [method: Exclude<keyof Watchdog, 'pid'>, argument?: number | string];

/** A process that has a watchdog, to be driven and killed by a test. */
export class WatchedServer {
  readonly logged: string[] = [];
  readonly exited: Promise<unknown>;
  readonly #child: ChildProcess;

  constructor(shell: readonly string[] = ['/bin/sh']) {
    const program = fileURLToPath(new URL('../fixtures/watched-server.ts', import.meta.url));
    this.#child = spawn(process.execPath, ['--import', 'tsx', program, JSON.stringify(shell)], {
      // One descriptor more, as a careless parent leaves it open.
      stdio: ['pipe', 'ignore', 'inherit', 'ipc', 'pipe'],
    });
    this.exited = once(this.#child, 'exit');
    this.#child.on('message', (message: { log?: string }) => {
      if (message.log !== undefined) this.logged.push(message.log);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The pid of its watchdog: its only child that leads a session. */
  get watchdog(): number | undefined {
    const isWatchdog = ({ pid, ppid, sid, state }: ProcessEntry): boolean =>
      ppid === this.pid && sid === pid && state !== 'Z';
    return [...readProc().values()].find(isWatchdog)?.pid;
  }

  /** Has the methods called and their promises awaited. */
  async call(...calls: Call[]): Promise<void> {
    const done = this.#done();
    this.#child.send({ calls, die: false });
    await done;
  }

  /** Has the methods called, and the server killed before any of its later turns. */
  async callAndDie(...calls: Call[]): Promise<void> {
    this.#child.send({ calls, die: true });
    await this.exited;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  /** Leaves it nothing that keeps it alive. */
  release(): void {
    this.#child.disconnect();
  }

  #done(): Promise<void> {
    return new Promise((resolve, reject) => {
      const onMessage = (message: { done?: true }): void => {
        if (message.done === undefined) return;
        this.#child.off('message', onMessage);
        resolve();
      };
      this.#child.on('message', onMessage);
      this.#child.once('exit', (code, signal) =>
        reject(new Error(`the server ended with ${signal ?? code}`)),
      );
    });
  }
}
