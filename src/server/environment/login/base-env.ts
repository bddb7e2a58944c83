import type { Env, EnvBase } from '../../../shared-config/index.ts';
import type { AskShell, ShellOutcome } from './ask-shell.ts';

/** A base that a shell has to be run for. */
export type LoginBase = Exclude<EnvBase, 'process'>;

/** How one rung of the ladder was tried. */
export type BaseAttempt = {
  readonly base: LoginBase;
  readonly outcome: 'resolved' | 'failed';
  /** Why it failed, for people. Names at most, never a value. */
  readonly reason?: string;
  readonly durationMs: number;
};

/** The environment that a policy starts from, and how it was come by. */
export type BaseEnv = {
  readonly env: Env;
  /** The rung that gave it. */
  readonly base: EnvBase;
  /** What was tried, in order; empty where nothing had to be. */
  readonly attempts: readonly BaseAttempt[];
};

/**
 * The environments that a policy can start from on this host: the server's own, and what the account's login
 * shell makes of a fresh start. The shell is run when it is first needed, once for each of the two ways, and
 * what came of it, good or bad, is kept in memory as long as the connection lives.
 *
 * A way that fails leaves its place to the next one: `loginInteractive`, `login`, `process`.
 */
export class BaseEnvs {
  readonly #own: Env;
  readonly #rungs: Readonly<Record<LoginBase, Rung>>;
  readonly #stop = new AbortController();
  readonly #leaving = new Set<Promise<void>>();

  /** @param own the environment that `process` stands for */
  constructor(own: Env, askShell: AskShell) {
    this.#own = own;
    const rung = (base: LoginBase) =>
      new Rung(base, () => {
        const { outcome, gone } = askShell(base === 'loginInteractive', this.#stop.signal);
        this.#leaving.add(gone);
        void gone.then(() => this.#leaving.delete(gone));
        return outcome;
      });
    this.#rungs = { login: rung('login'), loginInteractive: rung('loginInteractive') };
  }

  /** The environment for a base. Never rejects: the last rung is there in any case. */
  async get(base: EnvBase): Promise<BaseEnv> {
    const attempts: BaseAttempt[] = [];
    for (const name of LADDER[base]) {
      const { env, attempt } = await this.#rungs[name].take();
      attempts.push(attempt);
      if (env !== undefined) return { env, base: name, attempts };
    }
    return { env: this.#own, base: 'process', attempts };
  }

  /**
   * Forgets what was taken and what has failed; whoever asks next has the shell run again. Who waits already
   * gets what is under way.
   */
  refresh(): void {
    for (const rung of Object.values(this.#rungs)) rung.forget();
  }

  /** Ends the shells that still run. Resolves when nothing of them is left. */
  async stop(): Promise<void> {
    this.#stop.abort();
    while (this.#leaving.size > 0) await Promise.all(this.#leaving);
  }
}

/** What a client is told of a base. */
export const describeBase = ({ base, attempts }: BaseEnv) => ({
  base,
  attempts: attempts.map(attempt => ({ ...attempt })),
});

const LADDER: Readonly<Record<EnvBase, readonly LoginBase[]>> = {
  process: [],
  login: ['login'],
  loginInteractive: ['loginInteractive', 'login'],
};

type Tried = { readonly env: Env | undefined; readonly attempt: BaseAttempt };

/** One way to run the shell, and what came of it the last time. No two runs overlap. */
class Rung {
  readonly #base: LoginBase;
  readonly #run: () => Promise<ShellOutcome>;
  #tried: Promise<Tried> | undefined;
  /** Whether the run that `#tried` stands for has begun: what has yet to begin is new enough. */
  #begun = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(base: LoginBase, run: () => Promise<ShellOutcome>) {
    this.#base = base;
    this.#run = run;
  }

  take(): Promise<Tried> {
    if (this.#tried === undefined) {
      this.#begun = false;
      this.#tried = this.#last.then(() => this.#try());
      this.#last = this.#tried;
    }
    return this.#tried;
  }

  forget(): void {
    if (this.#begun) this.#tried = undefined;
  }

  async #try(): Promise<Tried> {
    this.#begun = true;
    const startedAt = performance.now();
    const outcome = await this.#run();
    const durationMs = Math.round(performance.now() - startedAt);
    if ('passing' in outcome && outcome.passing) this.#tried = undefined;
    return 'env' in outcome
      ? { env: outcome.env, attempt: { base: this.#base, outcome: 'resolved', durationMs } }
      : {
          env: undefined,
          attempt: { base: this.#base, outcome: 'failed', reason: outcome.reason, durationMs },
        };
  }
}
