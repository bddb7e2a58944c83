import type { Env, EnvBase } from '../../../shared-config/index.ts';
import type { ConnectionVariables } from '../connection-variables.ts';
import type { AskShell, ShellOutcome } from './ask-shell.ts';
import type { LoginBase } from './login-start.ts';
import type { OmittedVariable } from './shell-answer.ts';

/** One attempt to resolve a base. */
export type BaseAttempt = {
  readonly base: LoginBase;
  readonly outcome: 'resolved' | 'failed';
  /** Reason of the failure, for the user. It names variables at most, never a value. */
  readonly reason?: string;
  /** Variables that are not part of the environment; absent if there are none. */
  readonly omitted?: readonly OmittedVariable[];
  readonly durationMs: number;
};

/** The environment that a policy is applied to, and how it was resolved. */
export type BaseEnv = {
  readonly env: Env;
  /** The requested base or the fallback that was used. */
  readonly base: EnvBase;
  /** Attempts in their order; empty if no shell was needed. */
  readonly attempts: readonly BaseAttempt[];
};

/**
 * The base environments of a host: that of the server, and those of the account's login shell, interactive and not. A
 * shell is run when its environment is first needed; the result, good or bad, is cached for the session. A base that
 * fails is replaced by the next one of `loginInteractive`, `login`, `process`.
 */
export class BaseEnvs {
  readonly #serverEnv: Env;
  readonly #connection: ConnectionVariables | undefined;
  readonly #sources: Readonly<Record<LoginBase, BaseSource>>;
  readonly #stop = new AbortController();
  readonly #shutdowns = new Set<Promise<void>>();

  /**
   * @param serverEnv environment of the base `process`
   * @param connection variables that change with the connection; by default none does
   */
  constructor(serverEnv: Env, askShell: AskShell, connection?: ConnectionVariables) {
    this.#serverEnv = serverEnv;
    this.#connection = connection;
    const source = (base: LoginBase) =>
      new BaseSource(base, () => {
        const { outcome, gone } = askShell(base, this.#stop.signal);
        this.#shutdowns.add(gone);
        void gone.then(() => this.#shutdowns.delete(gone));
        return outcome;
      });
    this.#sources = { login: source('login'), loginInteractive: source('loginInteractive') };
  }

  /** The base `process`. */
  get server(): Env {
    return this.#current(this.#serverEnv);
  }

  /** Resolves a base or a fallback. Never rejects: the base `process` is always available. */
  async get(base: EnvBase): Promise<BaseEnv> {
    const attempts: BaseAttempt[] = [];
    for (const name of FALLBACKS[base]) {
      const { env, attempt } = await this.#sources[name].resolve();
      attempts.push(attempt);
      if (env !== undefined) return { env: this.#current(env), base: name, attempts };
    }
    return { env: this.server, base: 'process', attempts };
  }

  #current(env: Env): Env {
    return this.#connection?.applyTo(env) ?? env;
  }

  /** Discards cached results: the next call of {@link get} runs the shell again. Calls that wait are not affected. */
  refresh(): void {
    for (const source of Object.values(this.#sources)) source.discard();
  }

  /** Ends the shells that still run. Resolves when none of their processes is left. */
  async stop(): Promise<void> {
    this.#stop.abort();
    while (this.#shutdowns.size > 0) await Promise.all(this.#shutdowns);
  }
}

/** The part of a base environment that the client receives. */
export const describeBase = ({ base, attempts }: BaseEnv) => ({
  base,
  attempts: attempts.map(({ omitted, ...attempt }) => ({
    ...attempt,
    ...(omitted !== undefined && { omitted: [...omitted] }),
  })),
});

/** Bases to try, in this order, before `process`. */
const FALLBACKS: Readonly<Record<EnvBase, readonly LoginBase[]>> = {
  process: [],
  login: ['login'],
  loginInteractive: ['loginInteractive', 'login'],
};

type Resolved = { readonly env: Env | undefined; readonly attempt: BaseAttempt };

/** Source of one base environment: runs a login shell and caches the result. No two runs overlap. */
class BaseSource {
  readonly #base: LoginBase;
  readonly #run: () => Promise<ShellOutcome>;
  #cached: Promise<Resolved> | undefined;
  /** True once the run of `#cached` has started; one that is still queued is not outdated by a refresh. */
  #started = false;
  #lastRun: Promise<unknown> = Promise.resolve();

  constructor(base: LoginBase, run: () => Promise<ShellOutcome>) {
    this.#base = base;
    this.#run = run;
  }

  resolve(): Promise<Resolved> {
    if (this.#cached === undefined) {
      this.#started = false;
      this.#cached = this.#lastRun.then(() => this.#runShell());
      this.#lastRun = this.#cached;
    }
    return this.#cached;
  }

  discard(): void {
    if (this.#started) this.#cached = undefined;
  }

  async #runShell(): Promise<Resolved> {
    this.#started = true;
    const startedAt = performance.now();
    const outcome = await this.#run();
    const durationMs = Math.round(performance.now() - startedAt);
    const base = this.#base;
    if ('env' in outcome) {
      const { env, omitted = [] } = outcome;
      const attempt = {
        base,
        outcome: 'resolved',
        ...(omitted.length > 0 && { omitted }),
        durationMs,
      } as const;
      return { env, attempt };
    }
    if (outcome.transient) this.#cached = undefined;
    const { reason } = outcome;
    return { env: undefined, attempt: { base, outcome: 'failed', reason, durationMs } };
  }
}
