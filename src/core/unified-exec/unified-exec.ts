import { ExecClient } from '../exec-client.ts';
import type { EnvByPolicy } from '../start-env.ts';
import { CommandSession } from './command-session.ts';
import { UnifiedExecError } from './errors.ts';
import { cutLineWarning, isEmpty, writeInput } from './input.ts';
import { BYTES_PER_TOKEN, NEVER_CUT_MS, UNIFIED_EXEC_LIMITS, type UnifiedExecLimits } from './limits.ts';
import {
  checkEnd,
  checkExecCommand,
  checkWriteStdin,
  type EndOptions,
  type ExecCommandOptions,
  type WriteStdinOptions,
} from './options.ts';
import {
  type CommandResult,
  describeOutput,
  type EndedResult,
  type ExitedResult,
  type RunningResult,
} from './result.ts';
import { Sessions } from './sessions.ts';
import { shellAt, shellCommand, shellSnapshotOf } from './shell-command.ts';

/** Options of all commands of an agent. */
export type UnifiedExecOptions = {
  /** The environment of every process, built on its machine. The default of `runtime.unifiedExec` is `true`. */
  readonly defaultEnv?: EnvByPolicy | undefined;
  readonly limits?: Partial<UnifiedExecLimits> | undefined;
  /**
   * False to read the start-up files of a login shell for each command. Default: true, where the server can restore what
   * they did for the first one.
   */
  readonly shellSnapshots?: boolean | undefined;
};

/** Connections to the machines that commands can run on, by ids that the caller chooses. */
export type Environments = Readonly<Record<string, ExecClient>>;

/** A session in the result of `list`. */
export type SessionInfo = {
  readonly sessionId: number;
  readonly environment: string;
  readonly command: string | readonly string[];
  readonly tty: boolean;
  /** `exited`: others hold its output. `ended`: its last result waits for a call. */
  readonly state: 'running' | 'exited' | 'ended';
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
};

/**
 * Commands for an agent that works in turns. `execCommand` returns when the command has ended, or after a time; a command
 * that still runs is then a session, to which `writeStdin` writes and from which it returns further output. Output is
 * reduced to a limit, and omitted bytes are counted. Nothing is polled.
 *
 * The caller opens and closes the connections. A lost connection ends its sessions.
 */
export class UnifiedExec {
  readonly #environments: Environments;
  readonly #defaultEnv: EnvByPolicy;
  readonly #limits: UnifiedExecLimits;
  /** Id of the commands that share snapshots of login shells; `undefined` for no snapshots. */
  readonly #snapshotScope: string | undefined;
  readonly #sessions: Sessions;
  /** Sessions that are not over, with or without an id. */
  readonly #live = new Set<CommandSession>();
  #closed = false;

  /**
   * @param environments one connection, or several by id, of which the first is the default. It is read for each command,
   * so that the caller can replace a lost connection.
   */
  constructor(
    environments: ExecClient | Environments,
    { defaultEnv = {}, limits, shellSnapshots = true }: UnifiedExecOptions = {},
  ) {
    this.#environments = isClient(environments) ? { default: environments } : environments;
    this.#defaultEnv = defaultEnv;
    this.#limits = { ...UNIFIED_EXEC_LIMITS, ...limits };
    this.#sessions = new Sessions(this.#limits);
    this.#snapshotScope = shellSnapshots ? crypto.randomUUID() : undefined;
  }

  /**
   * Runs a command and waits for its end, or for `yieldTimeMs` (default 10 s, at least 250 ms, at most 30 s). If it exits
   * and leaves processes that hold its output, such as a server in the background, the result follows after a second
   * without output, and has its exit code and a session; the end of that ends them. With `drainMs` the output is cut
   * instead, and the call waits for that, at most 3 s longer.
   *
   * An abort of `signal` before the result ends the command.
   *
   * @throws {UnifiedExecError} `invalidOptions`, `unknownEnvironment`, `closed`
   * @throws {RequestError} if it cannot be started
   * @throws {ConnectionLostError}
   */
  async execCommand(options: ExecCommandOptions): Promise<CommandResult> {
    const startedAt = performance.now();
    const { yieldTimeMs, maxOutputTokens, signal, ...command } = checkExecCommand(options);
    this.#assertOpen();
    signal?.throwIfAborted();
    const session = this.#start(command);
    const { execYieldMs, minYieldMs, maxYieldMs } = this.#limits;
    const end = await session.wait(clamp(yieldTimeMs ?? execYieldMs, minYieldMs, maxYieldMs), signal);
    if (end === 'aborted') {
      session.terminate();
      throw signal?.reason;
    }
    if (session.outcome !== undefined) return this.#lastResult(session, maxOutputTokens, startedAt);
    const { sessionId, warning } = this.#sessions.add(session);
    return {
      ...this.#openResult(session, sessionId, maxOutputTokens, startedAt),
      ...(warning !== undefined && { warning }),
    };
  }

  /**
   * Writes to a session and waits for its end, or for `yieldTimeMs` (default and at least 250 ms, at most 30 s; without
   * input default and at least 5 s, at most 300 s). Returns the output since the last result; the one without a
   * `sessionId` is the last one.
   *
   * A write to a process that has ended is not an error: its last result is returned. An abort of `signal` ends only the
   * wait: the session continues, and its output is in the next result.
   *
   * @throws {UnifiedExecError} `invalidOptions`, `unknownSession`, `stdinClosed`, `closed`
   * @throws {ConnectionLostError} also at the first call after the loss
   */
  async writeStdin(options: WriteStdinOptions): Promise<CommandResult> {
    const startedAt = performance.now();
    const {
      sessionId,
      chars = '',
      closeStdin = false,
      yieldTimeMs,
      maxOutputTokens,
      signal,
    } = checkWriteStdin(options);
    this.#assertOpen();
    signal?.throwIfAborted();
    const session = this.#sessions.use(sessionId);
    const { writeYieldMs, minYieldMs, maxYieldMs, minPollMs, maxPollMs } = this.#limits;
    const input = { chars, closeStdin };
    const warning = cutLineWarning(session, input);
    const warned = warning !== undefined && { warning };
    const ms = isEmpty(input)
      ? clamp(yieldTimeMs ?? minPollMs, minPollMs, maxPollMs)
      : clamp(yieldTimeMs ?? writeYieldMs, minYieldMs, maxYieldMs);
    let refusal: { readonly error: unknown } | undefined;
    const refused = writeInput(session, input).then(error => {
      refusal = { error };
    });
    let end = await session.wait(ms, signal, refused);
    // A process that refuses input may be about to end.
    if (end === 'settled' && refusal !== undefined) end = await session.wait(minYieldMs, signal);
    if (end === 'aborted') throw signal?.reason;
    if (session.outcome !== undefined) {
      this.#sessions.remove(sessionId, 'answered');
      return { ...this.#lastResult(session, maxOutputTokens, startedAt), ...warned };
    }
    if (refusal !== undefined) throw refusal.error;
    return { ...this.#openResult(session, sessionId, maxOutputTokens, startedAt), ...warned };
  }

  /**
   * Ends the process of a session, and those that hold its output, by SIGTERM, on a terminal after SIGHUP, and, after a grace, SIGKILL. Returns its last
   * output. If the process has not ended within 10 s, the result is that of a session that is still open.
   *
   * @throws {UnifiedExecError} `invalidOptions`, `unknownSession`, `closed`
   * @throws {ConnectionLostError}
   */
  async end(options: EndOptions): Promise<CommandResult> {
    const startedAt = performance.now();
    const { sessionId, maxOutputTokens } = checkEnd(options);
    this.#assertOpen();
    const session = this.#sessions.use(sessionId);
    session.terminate();
    await session.waitUntilOver(this.#limits.endWaitMs);
    if (session.outcome === undefined)
      return this.#openResult(session, sessionId, maxOutputTokens, startedAt);
    this.#sessions.remove(sessionId, 'ended');
    return this.#lastResult(session, maxOutputTokens, startedAt);
  }

  /** Lists the sessions, the most recently used one last. */
  list(): SessionInfo[] {
    return this.#sessions.all().map(([sessionId, { facts, outcome, exit, startedAtMs }]) => ({
      sessionId,
      environment: facts.environment,
      command: facts.command,
      tty: facts.tty,
      state: outcome !== undefined ? 'ended' : exit !== undefined ? 'exited' : 'running',
      startedAtMs,
    }));
  }

  /** Ends every process that was started here and waits for it, at most 10 s; later calls are refused. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const session of this.#live) session.terminate();
    await Promise.all([...this.#live].map(session => session.waitUntilOver(this.#limits.endWaitMs)));
  }

  #assertOpen(): void {
    if (this.#closed) throw new UnifiedExecError('closed', 'this UnifiedExec is closed');
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
    toolCallId,
    mergeStderr,
    timeoutMs,
    drainMs,
  }: CommandRequest): CommandSession {
    const client = this.#client(environment);
    const { info } = client;
    const usedShell = shell === undefined ? info.shell : shellAt(shell, info.platformOs);
    const program =
      command === undefined ? (argv as [string, ...string[]]) : shellCommand(usedShell, command, login);
    const { policy, runtime, overlay } = this.#defaultEnv;
    const started = client.start({
      argv: program,
      shellSnapshot:
        login && this.#snapshotScope !== undefined
          ? shellSnapshotOf(usedShell, this.#snapshotScope, info.capabilities)
          : undefined,
      cwd,
      stdin,
      tty,
      mergeStderr,
      timeoutMs,
      drainMs: drainMs ?? NEVER_CUT_MS,
      env: {
        policy,
        runtime: { unifiedExec: true, ...runtime, ...(toolCallId !== undefined && { toolCallId }) },
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
    const session = new CommandSession(started, facts, this.#limits);
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
        ? 'no environment is configured'
        : `unknown environment ${JSON.stringify(environment)}; known: ${known.join(', ')}`,
    );
  }

  #lastResult(session: CommandSession, maxOutputTokens: number | undefined, startedAt: number): EndedResult {
    const { outcome } = session;
    if (outcome === undefined) throw new Error('internal: result requested before the end of the session');
    if ('error' in outcome) throw outcome.error;
    return { ...this.#result(session, maxOutputTokens, startedAt), ...outcome.end };
  }

  #openResult(
    session: CommandSession,
    sessionId: number,
    maxOutputTokens: number | undefined,
    startedAt: number,
  ): RunningResult | ExitedResult {
    const { exit } = session;
    const result = { ...this.#result(session, maxOutputTokens, startedAt), sessionId };
    return exit === undefined ? result : { ...result, ...exit, outputOpen: true };
  }

  #result(session: CommandSession, maxOutputTokens = this.#limits.outputTokens, startedAt: number) {
    return {
      ...describeOutput(session.take(maxOutputTokens * BYTES_PER_TOKEN)),
      wallTimeMs: Math.round(performance.now() - startedAt),
    };
  }
}

type CommandRequest = Omit<ReturnType<typeof checkExecCommand>, 'yieldTimeMs' | 'maxOutputTokens' | 'signal'>;

const isClient = (environments: ExecClient | Environments): environments is ExecClient =>
  environments instanceof ExecClient;

const clamp = (value: number, min: number, max: number): number => Math.min(Math.max(value, min), max);
