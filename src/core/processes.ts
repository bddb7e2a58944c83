import type { EnvironmentInfo } from '../protocol/environment.ts';
import { startTimedOut } from '../protocol/errors.ts';
import { requests } from '../protocol/messages.ts';
import type { Env, EnvInput } from '../shared-config/index.ts';
import { settledWithin } from '../system/deadline.ts';
import { assertEnvSupported, assertSandboxSupported } from './capability-check.ts';
import type { ClientConnection, NotificationHandlers } from './client-connection.ts';
import { RequestError } from './errors.ts';
import { type EnvironmentExplanation, explainLocally, withPathOrigin } from './local-environment.ts';
import type { RemoteProcess, StartOptions } from './process.ts';
import { ProcessFeed } from './process-feed.ts';
import { localDirectory, startDirectory } from './start-directory.ts';
import {
  envInput,
  localStartEnv,
  type ProcessEnv,
  remoteStartEnv,
  resolvesLocally,
  type StartEnv,
} from './start-env.ts';
import { StartedProcess } from './started-process.ts';
import type { Windows } from './windows.ts';

/** The processes of one connection: starts them, and delivers their notifications. */
export class Processes {
  readonly #connection: ClientConnection;
  readonly #info: EnvironmentInfo;
  readonly #localEnv: Env;
  readonly #windows: Windows;
  readonly #feeds = new Map<string, ProcessFeed>();
  #nextId = 1;

  constructor(connection: ClientConnection, info: EnvironmentInfo, localEnv: Env, windows: Windows) {
    this.#connection = connection;
    this.#info = info;
    this.#localEnv = localEnv;
    this.#windows = windows;
  }

  readonly handlers = {
    'process/output': params => this.#feeds.get(params.processId)?.onOutput(params),
    'process/outputDropped': params => this.#feeds.get(params.processId)?.onOutputDropped(params),
    'process/exited': params => this.#feeds.get(params.processId)?.onExited(params),
    'process/closed': params => {
      const feed = this.#feeds.get(params.processId);
      this.#feeds.delete(params.processId);
      feed?.onClosed(params);
    },
  } satisfies NotificationHandlers;

  onLost(error: Error): void {
    for (const feed of this.#feeds.values()) feed.onLost(error);
    this.#feeds.clear();
  }

  async start({ signal, startTimeoutMs, ...options }: StartOptions): Promise<RemoteProcess> {
    signal?.throwIfAborted();
    const feed = new ProcessFeed(String(this.#nextId++), this.#connection, this.#windows.credit);
    const starting = this.#start(feed, options);
    const inTime = startTimeoutMs === undefined ? starting : answeredWithin(startTimeoutMs, starting, feed);
    return signal === undefined ? inTime : abortable(inTime, feed, signal);
  }

  async explain(env: ProcessEnv, names: readonly string[] | undefined): Promise<EnvironmentExplanation> {
    const input = this.#localInput(env);
    if (input !== undefined) return explainLocally(input, names);
    return this.#connection.request(requests['environment/explain'], {
      ...this.#startEnv(env),
      names: names && [...names],
    });
  }

  async #start(
    feed: ProcessFeed,
    {
      argv,
      cwd,
      env = {},
      stdin = false,
      tty = false,
      ...options
    }: Omit<StartOptions, 'signal' | 'startTimeoutMs'>,
  ): Promise<RemoteProcess> {
    const directory = startDirectory(this.#info, cwd);
    const startEnv = this.#startEnv(env, directory);
    assertSandboxSupported(requests['process/start'].method, options, this.#info);
    // Known before it is sent: output can arrive before the answer.
    this.#feeds.set(feed.id, feed);
    try {
      const launch = await this.#connection.request(requests['process/start'], {
        processId: feed.id,
        argv: [...argv],
        cwd: directory,
        ...startEnv,
        pipeStdin: stdin,
        ...(tty !== false && { tty: true, ...(tty !== true && { size: tty }) }),
        ...options,
      });
      const stdinKind = tty !== false ? 'terminal' : stdin ? 'pipe' : 'none';
      return new StartedProcess(feed, this.#connection, launch, stdinKind, this.#windows.send);
    } catch (error) {
      this.#feeds.delete(feed.id);
      // It may run, and no caller could end it.
      if (error instanceof RequestError && error.kind === 'invalidAnswer') feed.terminate().catch(() => {});
      const input = this.#localInput(env);
      throw input === undefined ? error : withPathOrigin(error, input);
    }
  }

  #startEnv(env: ProcessEnv, directory?: string): StartEnv {
    const start =
      this.#connection.location === 'local'
        ? localStartEnv(env, this.#localEnv, process.platform, directory && localDirectory(directory))
        : remoteStartEnv(env);
    assertEnvSupported(start, this.#info);
    return start;
  }

  /** Returns the input of an environment that is built on this side; `undefined` if the server builds it. */
  #localInput(env: ProcessEnv): EnvInput | undefined {
    const start = remoteStartEnv(env);
    return this.#connection.location === 'local' && resolvesLocally(start)
      ? envInput(start, this.#localEnv, process.platform)
      : undefined;
  }
}

/** Cancels a start that is not answered in time. */
const answeredWithin = async (
  ms: number,
  starting: Promise<RemoteProcess>,
  feed: ProcessFeed,
): Promise<RemoteProcess> => {
  if ((await settledWithin(starting, ms)) === 'settled') return starting;
  // It is not known yet if the process runs. No caller will read its output.
  void feed.dispose();
  starting.catch(() => {});
  throw new RequestError(requests['process/start'].method, startTimedOut(feed.id, ms));
};

/** Terminates a process on abort. A start that is not answered by then rejects immediately. */
const abortable = (
  starting: Promise<RemoteProcess>,
  feed: ProcessFeed,
  signal: AbortSignal,
): Promise<RemoteProcess> =>
  new Promise((resolve, reject) => {
    let started = false;
    const abort = () => {
      if (started) {
        feed.terminate().catch(() => {});
        return;
      }
      reject(signal.reason);
      // It is not known yet if the process runs. No caller will read its output.
      void feed.dispose();
    };
    signal.addEventListener('abort', abort, { once: true });
    const stop = () => signal.removeEventListener('abort', abort);
    starting.then(
      child => {
        started = true;
        child.closed.then(stop, stop);
        resolve(child);
      },
      error => {
        stop();
        reject(error);
      },
    );
  });
