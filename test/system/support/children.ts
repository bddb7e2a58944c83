import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { readProc, readProcess } from '../../../src/system/process-table.ts';
import { until } from '../../support/until.ts';

/** The processes that a test starts, each in a group of its own. */
export class Children {
  readonly #groups = new Set<number>();

  /** Runs a script of `fixtures/`; resolves with the pid that it prints when it is ready. */
  async start(script: string, ...args: string[]): Promise<number> {
    const child = spawn('sh', [fixture(script), ...args], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    if (child.pid !== undefined) this.#groups.add(child.pid);
    const [line] = await once(child.stdout, 'data');
    const pid = Number.parseInt(String(line), 10);
    this.#groups.add(pid);
    return pid;
  }

  /** Takes in the group of a process that was started by other means. */
  add(group: number): void {
    this.#groups.add(group);
  }

  /** Ends all of them. */
  async end(): Promise<void> {
    for (const group of this.#groups) kill(-group);
    await until(() => !this.#anyLeft(), 'children are still alive');
    this.#groups.clear();
  }

  #anyLeft(): boolean {
    return [...readProc().values()].some(
      ({ pgid, state }) => this.#groups.has(pgid) && !['Z', 'X'].includes(state),
    );
  }
}

export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

/** Whether a process is there and not only waits for its parent to take notice of its end. */
export const isRunning = (pid: number): boolean =>
  !['Z', 'X', undefined].includes(readProc().get(pid)?.state);

/** The children of this process, ended ones among them until it has taken notice. */
export const childrenHere = (): number[] =>
  [...readProc().values()].flatMap(({ pid, ppid }) => (ppid === process.pid ? pid : []));

/** Sends SIGKILL to a process that may have ended. */
export const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone, as it should be.
  }
};

/** Waits until a process that is started is younger than another one: the kernel counts in hundredths of a second. */
export const untilStartTimesAreLaterThan = async (pid: number): Promise<void> => {
  const startTime = Number(readProcess(pid)?.startTime);
  const now = () => Number(execFileSync('cat', ['/proc/self/stat'], { encoding: 'utf8' }).split(' ')[21]);
  await until(() => now() > startTime, 'no process starts later');
};
