import type { Readable } from 'node:stream';
import type { ParamsIn, ResultOut } from '../protocol/define.ts';
import type { EnvironmentInfo, EnvironmentWaiting } from '../protocol/environment.ts';
import { type Requests, requests } from '../protocol/messages.ts';
import type { Env, EnvBase } from '../shared-config/index.ts';
import type { ClientConnection, NotificationHandlers } from './client-connection.ts';
import type { ConnectionLostError } from './errors.ts';
import { type ExecOptions, type ExecResult, runToEnd } from './exec.ts';
import { RemoteFiles } from './files.ts';
import { type HttpOptions, HttpRequests, type HttpResponse, type HttpStreamOptions } from './http.ts';
import type { EnvironmentExplanation } from './local-environment.ts';
import type { RemoteProcess, StartOptions } from './process.ts';
import { Processes } from './processes.ts';
import type { SessionState } from './resume/resuming.ts';
import type { ProcessEnv } from './start-env.ts';
import type { StartUpOutput } from './start-up-output.ts';
import { createWindows } from './windows.ts';

/** The result of a method. */
type Answer<Method extends keyof Requests> = ResultOut<Requests[Method]>;

/** @internal */
export type ExecClientOptions = {
  /** The variables of this side, for starts on a local server. */
  readonly localEnv: Env;
  /** Output of a new process that the server sends ahead of its reader, in bytes. */
  readonly outputWindowBytes?: number | undefined;
  readonly onWaiting?: ((waiting: EnvironmentWaiting) => void) | undefined;
};

/** A connection to a server. It ends with `close`, or at the end of an `await using` block. */
export class ExecClient implements AsyncDisposable {
  readonly #connection: ClientConnection;
  readonly #announced: Answer<'initialize'>;
  readonly #processes: Processes;
  readonly #http: HttpRequests;

  /** The files of the server. */
  readonly files: RemoteFiles;

  /** Resolves when the connection has ended: with the error, unless `close` was called. Never rejects. */
  readonly closed: Promise<ConnectionLostError | undefined>;

  /** @internal */
  constructor(
    connection: ClientConnection,
    announced: Answer<'initialize'>,
    { localEnv, outputWindowBytes, onWaiting = () => {} }: ExecClientOptions,
  ) {
    this.#connection = connection;
    this.#announced = announced;
    this.closed = connection.closed;
    const windows = createWindows(connection, outputWindowBytes, announced.limits);
    this.#processes = new Processes(connection, announced.environmentInfo, localEnv, windows);
    this.#http = new HttpRequests(connection, announced.environmentInfo);
    this.files = new RemoteFiles(connection, announced.environmentInfo, windows);
    connection.deliverTo({
      handlers: {
        ...this.#processes.handlers,
        'environment/waiting': onWaiting,
        'fs/missingChanged': params => this.files.onMissingChanged(params),
        'http/request/bodyDelta': delta => this.#http.onBodyDelta(delta),
      } satisfies Required<NotificationHandlers>,
      onLost: error => {
        this.#processes.onLost(error);
        this.#http.onLost(error);
      },
    });
  }

  /** The machine and account of the server. */
  get info(): EnvironmentInfo {
    return this.#announced.environmentInfo;
  }

  /** The limits that the server announces, by name. */
  get limits(): Readonly<Record<string, number>> {
    return this.#announced.limits ?? {};
  }

  /** The reason why processes cannot have a terminal; `undefined` if none is known. */
  get ttyUnavailable(): string | undefined {
    return this.#announced.ttyUnavailable;
  }

  /** The reason why there are no sandboxes; `undefined` if none is known. */
  get sandboxUnavailable(): string | undefined {
    return this.#announced.sandboxUnavailable;
  }

  /** The state of the connection of a session that outlives it (`session` of `connect`); `connected` for any other. */
  get state(): SessionState {
    return this.#connection.state;
  }

  /** The id of a session that outlives its connection, which is a secret, and its limits. */
  get session(): Answer<'initialize'>['session'] {
    return this.#announced.session;
  }

  /** The reason why the session does not outlive its connection, though it was requested. */
  get sessionUnavailable(): string | undefined {
    return this.#announced.sessionUnavailable;
  }

  /** Bytes that came before the first frame, such as the greeting of a login shell; `undefined` if there were none. */
  get startUpOutput(): StartUpOutput | undefined {
    return this.#connection.startUpOutput;
  }

  /**
   * Runs a program to its end. Its output is in the result, as text without the final line end.
   *
   * @param args arguments, passed without a shell
   * @throws {ExecError} unless it exits by itself with code 0, or `reject` is false
   * @throws {RequestError} if it cannot be started, or `limitExceeded` for more output than `maxBuffer`
   * @throws {ConnectionLostError}
   */
  exec(
    file: string,
    args: readonly string[],
    options: ExecOptions & { readonly encoding: 'buffer' },
  ): Promise<ExecResult<Buffer>>;
  exec(file: string, args?: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  exec(
    file: string,
    args: readonly string[] = [],
    options: ExecOptions = {},
  ): Promise<ExecResult<Buffer | string>> {
    return runToEnd(start => this.start(start), file, args, options);
  }

  /**
   * Starts a process. An abort of `signal` before the answer cancels the start, which rejects with the reason of the
   * signal; after it, the process is terminated.
   *
   * @throws {RequestError} `launchFailed`, with the stage in `data.stage`
   * @throws {ConnectionLostError}
   */
  start(options: StartOptions): Promise<RemoteProcess> {
    return this.#processes.start(options);
  }

  /**
   * Reads output of a process again, as far as the server keeps it: see `retainedBytes` of `connect`.
   *
   * @param processId the `id` of a process of this connection
   * @throws {RequestError} `unknownProcess`
   */
  read(
    processId: string,
    options: Omit<ParamsIn<Requests['process/read']>, 'processId'> = {},
  ): Promise<Answer<'process/read'>> {
    return this.#connection.request(requests['process/read'], { processId, ...options });
  }

  /** Lists the processes of this connection. */
  async list(): Promise<Answer<'process/list'>['processes']> {
    return (await this.#connection.request(requests['process/list'], {})).processes;
  }

  /**
   * Explains the variables of a process with this `env`: the step that sets or removes each one, never a value. No
   * process is started.
   *
   * @param names the variables to explain. Default: all that a step changed or kept
   * @throws {RequestError} `invalidParams` for too many names, `limitExceeded` for too long an answer
   */
  explain(env: ProcessEnv = {}, names?: readonly string[]): Promise<EnvironmentExplanation> {
    return this.#processes.explain(env, names);
  }

  /**
   * Discards the environments that the server has captured from login shells, so that later starts see what has changed.
   *
   * @param base the base to capture again now. Default: none, it is captured when it is needed
   */
  refreshEnvironment(base?: EnvBase): Promise<Answer<'environment/refresh'>> {
    return this.#connection.request(requests['environment/refresh'], { base });
  }

  /** Reads settings from the configuration files of Codex on the server: only the values at the given paths. */
  environmentConfig(
    paths: Pick<ParamsIn<Requests['environmentConfig/read']>, 'configPaths' | 'requirementsPaths'>,
  ): Promise<Answer<'environmentConfig/read'>> {
    return this.#connection.request(requests['environmentConfig/read'], paths);
  }

  /**
   * Sends an HTTP request from the server.
   *
   * @throws {RequestError} `httpFailed`; `limitExceeded` for a body that is too long: use `httpStream`
   */
  http(url: string, options?: HttpOptions): Promise<HttpResponse> {
    return this.#http.request(url, options);
  }

  /** Sends an HTTP request like `http`, and streams the body of the response. */
  httpStream(url: string, options?: HttpStreamOptions): Promise<HttpResponse<Readable>> {
    return this.#http.stream(url, options);
  }

  /** Returns the version, load and memory of the server. */
  status(): Promise<Answer<'server/status'>> {
    return this.#connection.request(requests['server/status'], {});
  }

  /** Ends the connection and every process that was started over it. Idempotent. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  /**
   * Takes the connection of a session that outlives it for lost, such as one that does not answer, and opens another one.
   * No effect on any other connection, or while another one is being opened.
   *
   * @param reason the `reason` of the event
   */
  reconnect(reason: string): void {
    this.#connection.reconnect(reason);
  }

  /**
   * Ends the connection without waiting for the server, such as one that does not answer any more. Calls that are
   * pending are rejected.
   *
   * @param reason the cause in their `ConnectionLostError`
   */
  async abort(reason: string): Promise<void> {
    this.#connection.abort(reason);
    await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
