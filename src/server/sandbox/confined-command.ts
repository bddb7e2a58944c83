import { readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { SANDBOX_READY_MS } from '../limits.ts';

/** A program in a sandbox, seen from outside: bubblewrap, and in its namespace first a keeper, then the program. */
export class ConfinedCommand {
  readonly #outer: number;
  readonly #isOver: () => boolean;
  #pid: number | undefined;

  /** @param isOver whether the outer process has ended, from when on its pid means nothing */
  constructor(outer: number, isOver: () => boolean) {
    this.#outer = outer;
    this.#isOver = isOver;
  }

  /** The pid of the program, as long as it runs. */
  get pid(): number | undefined {
    return this.#isOver() || this.#pid === undefined || !isRunning(this.#pid) ? undefined : this.#pid;
  }

  /** Resolves when the program has taken over from what prepares it, or has ended already. */
  async runs(): Promise<void> {
    const deadline = Date.now() + SANDBOX_READY_MS;
    while (!this.#isOver() && Date.now() < deadline) {
      const keepers = childrenOf(this.#outer);
      // It is over, or this kernel doesn't tell.
      if (keepers === undefined) return;
      const [program] = keepers[0] === undefined ? [] : (childrenOf(keepers[0]) ?? []);
      if (program !== undefined && takesSignals(program)) {
        this.#pid = program;
        return;
      }
      await delay(POLL_MS);
    }
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

/** Whether it is a process that hasn't ended. */
const isRunning = (pid: number): boolean => {
  const state = /^State:\s*(\w)/m.exec(textOf(`/proc/${pid}/status`) ?? '')?.[1];
  return state !== undefined && state !== 'Z' && state !== 'X';
};

const textOf = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};
