import { ExecClient } from '../exec-client.ts';
import type { EnvironmentByPolicy } from '../start-env.ts';
import { describeOutput, type EndedAnswer, type ExecAnswer } from './answer.ts';
import { UnifiedExecError } from './errors.ts';
import { isEmpty, typeInto } from './input.ts';
import { BYTES_PER_TOKEN, DRAIN_MS, UNIFIED_EXEC_LIMITS, type UnifiedExecLimits } from './limits.ts';
import {
  checkEnd,
  checkExecCommand,
  checkWriteStdin,
  type EndOptions,
  type ExecCommandOptions,
  type WriteStdinOptions,
} from './options.ts';
import { ExecSession } from './session.ts';
import { Sessions } from './sessions.ts';
import { shellAt, shellCommand } from './shell-command.ts';

/** What every command of an agent has in common. */
export type UnifiedExecOptions = {
  /** Of every process, made on the machine it runs on. Its `runtime.unifiedExec` is `true` unless it is given. */
  readonly env?: EnvironmentByPolicy | undefined;
  readonly limits?: Partial<UnifiedExecLimits> | undefined;
};

/** Connections to the machines that commands can run on, by ids of the caller's choice. */
export type Environments = Readonly<Record<string, ExecClient>>;

/** A session, as `list` tells of it. */
export type SessionInfo = {
  readonly sessionId: number;
  readonly environment: string;
  readonly command: string | readonly string[];
  readonly tty: boolean;
  /** `ended`: its last output and how it ended wait for a call. */
  readonly state: 'running' | 'ended';
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
};

/**
 * Commands for an agent that asks in turns: `execCommand` answers when the command has ended or after a time,
 * and what still runs then is a session that `writeStdin` types into and asks again. Output is cut to a budget,
 * and every cut is counted. Nothing is polled: an answer comes when the server tells of the end.
 *
 * The caller opens and closes the connections. A lost one takes its sessions with it.
 */
export class UnifiedExec {
  readonly #environments: Environments;
  readonly #env: EnvironmentByPolicy;
  readonly #limits: UnifiedExecLimits;
  readonly #sessions: Sessions;
  /** What isn't over, with an id or without. */
  readonly #live = new Set<ExecSession>();
  #closed = false;

  /**
   * @param environments one connection, or several by id, of which the first is the default. It is looked at for
   * each command, so a new connection can be put in the place of a lost one.
   */
  constructor(environments: ExecClient | Environments, { env = {}, limits }: UnifiedExecOptions = {}) {
    this.#environments = isClient(environments) ? { default: environments } : environments;
    this.#env = env;
    this.#limits = { ...UNIFIED_EXEC_LIMITS, ...limits };
    this.#sessions = new Sessions(this.#limits);
  }

  /**
   * Runs a command and waits for its end, or for `yieldTimeMs`: 10 s unless given, 250 ms at least and 30 s at
   * most. If it has exited by then but others hold its streams, the answer waits on until these are cut: for
   * `drainMs` and a second, at most for 3 s.
   *
   * An abort of `signal` before the answer ends the command.
   *
   * @throws {UnifiedExecError} `invalidOptions`, `unknownEnvironment`, `closed`
   * @throws {RequestError} when it can't be started
   * @throws {ConnectionLostError}
   */
  async execCommand(options: ExecCommandOptions): Promise<ExecAnswer> {
    const startedAt = performance.now();
    const { yieldTimeMs, maxOutputTokens, signal, ...wanted } = checkExecCommand(options);
    this.#mustBeOpen();
    signal?.throwIfAborted();
    const session = this.#start(wanted);
    const { execYieldMs, minYieldMs, maxYieldMs } = this.#limits;
    const end = await session.wait(clamp(yieldTimeMs ?? execYieldMs, minYieldMs, maxYieldMs), signal);
    if (end === 'aborted') {
      session.terminate();
      throw signal?.reason;
    }
    if (session.outcome !== undefined) return this.#lastAnswer(session, maxOutputTokens, startedAt);
    const { sessionId, warning } = this.#sessions.add(session);
    return {
      ...this.#answer(session, maxOutputTokens, startedAt),
      sessionId,
      ...(warning !== undefined && { warning }),
    };
  }

  /**
   * Types into a session and waits for `yieldTimeMs`, or for its end: 250 ms unless given, 250 ms at least and
   * 30 s at most; without anything to type 5 s at least and 300 s at most. Answers what was written since the
   * last answer; the answer with the exit code is the last one.
   *
   * Typing into a process that has ended is no error: its last answer says so. An abort of `signal` gives up the
   * wait; the session lives, and its output is in the next answer.
   *
   * @throws {UnifiedExecError} `invalidOptions`, `unknownSession`, `stdinClosed`, `closed`
   * @throws {ConnectionLostError} also at the first call after the loss
   */
  async writeStdin(options: WriteStdinOptions): Promise<ExecAnswer> {
    const startedAt = performance.now();
    const {
      sessionId,
      chars = '',
      closeStdin = false,
      yieldTimeMs,
      maxOutputTokens,
      signal,
    } = checkWriteStdin(options);
    this.#mustBeOpen();
    signal?.throwIfAborted();
    const session = this.#sessions.use(sessionId);
    const { writeYieldMs, minYieldMs, maxYieldMs, minPollMs, maxPollMs } = this.#limits;
    const input = { chars, closeStdin };
    const ms = isEmpty(input)
      ? clamp(yieldTimeMs ?? minPollMs, minPollMs, maxPollMs)
      : clamp(yieldTimeMs ?? writeYieldMs, minYieldMs, maxYieldMs);
    let refusal: { readonly error: unknown } | undefined;
    const refused = typeInto(session, input).then(error => {
      refusal = { error };
    });
    let end = await session.wait(ms, signal, refused);
    // A process that takes no input any more may be about to end.
    if (end === 'settled' && refusal !== undefined) end = await session.wait(minYieldMs, signal);
    if (end === 'aborted') throw signal?.reason;
    if (session.outcome !== undefined) {
      this.#sessions.remove(sessionId, 'answered');
      return this.#lastAnswer(session, maxOutputTokens, startedAt);
    }
    if (refusal !== undefined) throw refusal.error;
    return { ...this.#answer(session, maxOutputTokens, startedAt), sessionId };
  }

  /**
   * Ends the process of a session: SIGTERM and, where that doesn't help, SIGKILL. Answers its last output. If the
   * server tells of no end within 10 s, the answer is that of a session that is there still.
   *
   * @throws {UnifiedExecError} `invalidOptions`, `unknownSession`, `closed`
   * @throws {ConnectionLostError}
   */
  async end(options: EndOptions): Promise<ExecAnswer> {
    const startedAt = performance.now();
    const { sessionId, maxOutputTokens } = checkEnd(options);
    this.#mustBeOpen();
    const session = this.#sessions.use(sessionId);
    session.terminate();
    await session.wait(this.#limits.endWaitMs);
    if (session.outcome === undefined) {
      return { ...this.#answer(session, maxOutputTokens, startedAt), sessionId };
    }
    this.#sessions.remove(sessionId, 'ended');
    return this.#lastAnswer(session, maxOutputTokens, startedAt);
  }

  /** The sessions, the one used last at the end. */
  list(): SessionInfo[] {
    return this.#sessions.all().map(([sessionId, { facts, outcome, startedAtMs }]) => ({
      sessionId,
      environment: facts.environment,
      command: facts.command,
      tty: facts.tty,
      state: outcome === undefined ? 'running' : 'ended',
      startedAtMs,
    }));
  }

  /** Ends every process that was started here, and waits for it, 10 s at most; later calls are refused. Twice is harmless. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const session of this.#live) session.terminate();
    await Promise.all([...this.#live].map(session => session.wait(this.#limits.endWaitMs)));
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new UnifiedExecError('closed', 'the commands of this agent were closed');
  }

  #start({
    command,
    argv,
    login = false,
    shell,
    environment = Object.keys(this.#environments)[0] ?? '',
    cwd,
    tty = false,
    stdin = false,
    env = {},
    mergeStderr,
    timeoutMs,
    drainMs = DRAIN_MS,
  }: CommandWishes): ExecSession {
    const client = this.#client(environment);
    const program =
      command === undefined
        ? (argv as [string, ...string[]])
        : shellCommand(
            shell === undefined ? client.info.shell : shellAt(shell, client.info.platformOs),
            command,
            login,
          );
    const { policy, runtime, overlay } = this.#env;
    const started = client.start({
      argv: program,
      cwd,
      stdin,
      tty: tty === true ? DEFAULT_SIZE : tty || undefined,
      mergeStderr,
      timeoutMs,
      drainMs,
      environment: {
        policy,
        runtime: { unifiedExec: true, ...runtime },
        overlay: { ...overlay, ...env },
      },
    });
    const facts = {
      environment,
      command: command ?? program,
      tty: tty !== false,
      stdin: tty !== false || stdin,
      drainMs,
    };
    const session = new ExecSession(started, facts, this.#limits.keptBytes);
    this.#live.add(session);
    void session.over.then(() => this.#live.delete(session));
    return session;
  }

  #client(environment: string): ExecClient {
    const client = Object.hasOwn(this.#environments, environment)
      ? this.#environments[environment]
      : undefined;
    if (client !== undefined) return client;
    const known = Object.keys(this.#environments).map(id => JSON.stringify(id));
    throw new UnifiedExecError(
      'unknownEnvironment',
      known.length === 0
        ? 'there is no environment to run commands in'
        : `there is no environment ${JSON.stringify(environment)}, only ${known.join(', ')}`,
    );
  }

  #lastAnswer(session: ExecSession, maxOutputTokens: number | undefined, startedAt: number): EndedAnswer {
    const { outcome } = session;
    if (outcome === undefined) throw new Error('asked for the last answer before the end');
    if ('error' in outcome) throw outcome.error;
    return { ...this.#answer(session, maxOutputTokens, startedAt), ...outcome.end };
  }

  #answer(session: ExecSession, maxOutputTokens = this.#limits.outputTokens, startedAt: number) {
    return {
      ...describeOutput(session.take(maxOutputTokens * BYTES_PER_TOKEN)),
      wallTimeMs: Math.round(performance.now() - startedAt),
    };
  }
}

type CommandWishes = Omit<ReturnType<typeof checkExecCommand>, 'yieldTimeMs' | 'maxOutputTokens' | 'signal'>;

const DEFAULT_SIZE = { columns: 80, rows: 24 };

const isClient = (environments: ExecClient | Environments): environments is ExecClient =>
  environments instanceof ExecClient;

const clamp = (value: number, min: number, max: number): number => Math.min(Math.max(value, min), max);
