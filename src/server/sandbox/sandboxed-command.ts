import { readFileSync, readlinkSync } from 'node:fs';
import { pollUntil } from '../../system/deadline.ts';
import { type ProcessEntry, readProcess } from '../../system/process-table.ts';
import { SANDBOX_READY_MS } from './limits.ts';

/** A program in a sandbox, seen from outside: bubblewrap, and in its namespace first a keeper, then the program. */
export class SandboxedCommand {
  readonly #outer: number;
  readonly #isOver: () => boolean;
  #program: ProcessEntry | undefined;

  /** @param isOver whether the outer process has ended, from when on its pid means nothing */
  constructor(outer: number, isOver: () => boolean) {
    this.#outer = outer;
    this.#isOver = isOver;
  }

  /** The program as it was found, as long as it runs. */
  get program(): ProcessEntry | undefined {
    if (this.#isOver() || this.#program === undefined) return undefined;
    const now = readProcess(this.#program.pid);
    const runs = now?.startTime === this.#program.startTime && !['Z', 'X'].includes(now.state);
    return runs ? this.#program : undefined;
  }

  /** Resolves when the program has taken over from what prepares it, or has ended already. */
  async runs(): Promise<void> {
    await pollUntil(() => this.#isOver() || this.#hasTakenOver(), SANDBOX_READY_MS, POLL_MS);
  }

  #hasTakenOver(): boolean {
    const keepers = childrenOf(this.#outer);
    // It is over, or this kernel doesn't list children.
    if (keepers === undefined) return true;
    const [keeper] = keepers;
    const [pid] = keeper === undefined ? [] : (childrenOf(keeper) ?? []);
    const program = pid === undefined ? undefined : readProcess(pid);
    if (program === undefined || program.ppid !== keeper || !takesSignals(program.pid)) return false;
    this.#program = program;
    return true;
  }
}

const POLL_MS = 2;

// The oldest first.
const childrenOf = (pid: number): number[] | undefined =>
  textOf(`/proc/${pid}/task/${pid}/children`)?.split(' ').filter(Boolean).map(Number);

/** Whether the signals are no longer ignored that were on the way in, or another program runs already. */
const takesSignals = (pid: number): boolean => {
  const ignored = /^SigIgn:\s*([0-9a-f]+)/m.exec(textOf(`/proc/${pid}/status`) ?? '')?.[1];
  if (ignored === undefined) return true;
  return (
    (BigInt(`0x${ignored}`) & PREPARING) !== PREPARING || !/\/(?:bwrap|env|coreutils)$/.test(programOf(pid))
  );
};

// SIGTERM and SIGUSR1: 15 and 10.
const PREPARING = (1n << 14n) | (1n << 9n);

const programOf = (pid: number): string => {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
};

const textOf = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};
