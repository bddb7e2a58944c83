import { readFileSync, readlinkSync } from 'node:fs';
import { attempt } from '../../system/attempt.ts';
import { pollUntil } from '../../system/deadline.ts';
import { isZombie, type ProcessEntry, readProcess } from '../../system/process-table.ts';
import { SANDBOX_READY_MS } from './limits.ts';

/** A program in a sandbox, as seen from outside: bubblewrap, its init process in the namespace, then the program. */
export class SandboxedCommand {
  readonly #bwrapPid: number;
  readonly #hasEnded: () => boolean;
  #program: ProcessEntry | undefined;

  /** @param hasEnded returns true once bubblewrap has ended, after which its pid may be another process */
  constructor(bwrapPid: number, hasEnded: () => boolean) {
    this.#bwrapPid = bwrapPid;
    this.#hasEnded = hasEnded;
  }

  /** The program as it is now, once it was found and while it runs. */
  get program(): ProcessEntry | undefined {
    if (this.#hasEnded() || this.#program === undefined) return undefined;
    const now = readProcess(this.#program.pid);
    return now?.startTime === this.#program.startTime && !isZombie(now) ? now : undefined;
  }

  /** Resolves when the program has replaced env, which starts it, or has ended. */
  async runs(): Promise<void> {
    await pollUntil(() => this.#hasEnded() || this.#findProgram(), SANDBOX_READY_MS, POLL_MS);
  }

  /** Returns true once the program runs. */
  #findProgram(): boolean {
    const inits = childrenOf(this.#bwrapPid);
    // bubblewrap has ended, or this kernel does not list children.
    if (inits === undefined) return true;
    const [init] = inits;
    const [pid] = init === undefined ? [] : (childrenOf(init) ?? []);
    const program = pid === undefined ? undefined : readProcess(pid);
    if (program === undefined || program.ppid !== init || !acceptsSignals(program.pid)) return false;
    this.#program = program;
    return true;
  }
}

const POLL_MS = 2;

/** The children of a process, the oldest first. */
const childrenOf = (pid: number): number[] | undefined =>
  textOf(`/proc/${pid}/task/${pid}/children`)?.split(' ').filter(Boolean).map(Number);

/** Returns true if env has restored the signals, or the program runs already. */
const acceptsSignals = (pid: number): boolean => {
  const ignored = /^SigIgn:\s*([0-9a-f]+)/m.exec(textOf(`/proc/${pid}/status`) ?? '')?.[1];
  if (ignored === undefined) return true;
  return (
    (BigInt(`0x${ignored}`) & WRAPPER_IGNORED) !== WRAPPER_IGNORED ||
    !/\/(?:bwrap|env|coreutils)$/.test(executableOf(pid))
  );
};

// SIGTERM (15) and SIGUSR1 (10), which the wrappers ignore.
const WRAPPER_IGNORED = (1n << 14n) | (1n << 9n);

const executableOf = (pid: number): string => attempt(() => readlinkSync(`/proc/${pid}/exe`)) ?? '';

const textOf = (path: string): string | undefined => attempt(() => readFileSync(path, 'utf8'));
