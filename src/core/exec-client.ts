import type { Readable, Writable } from 'node:stream';
import type { ResultOut } from '../protocol/define.ts';
import type { EnvironmentInfo } from '../protocol/environment.ts';
import { clientNotifications, requests } from '../protocol/messages.ts';
import type { TerminalSize } from '../protocol/process.ts';
import type { Env } from '../shared-config/index.ts';
import { ClientConnection } from './client-connection.ts';
import { ConnectionLostError, connectionLost } from './errors.ts';
import { OUTPUT_WINDOW_BYTES, RemoteProcess } from './remote-process.ts';
import { startDirectory } from './start-directory.ts';
import { localStartEnv, type ProcessEnvironment, remoteStartEnv } from './start-env.ts';
import type { TransportEnd } from './transport.ts';

/** The streams of a connection and what is known about them. */
export type ClientStreams = {
  readonly input: Readable;
  readonly output: Writable;
  readonly location: 'local' | 'remote';
  readonly label: string;
  /** Resolves when the program that carries the connection has ended. */
  readonly ended?: Promise<TransportEnd>;
  /** Ends the connection from this side. */
  close(): Promise<void>;
};

/** What to run. */
export type StartOptions = {
  /** Program and arguments; no shell takes part. */
  readonly argv: readonly [string, ...string[]];
  /** A path there or a `file:` URI. A relative path, and the default, start where the server runs. */
  readonly cwd?: string | undefined;
  readonly environment?: ProcessEnvironment | undefined;
  /** Whether stdin can be written; otherwise it is the null device. */
  readonly stdin?: boolean | undefined;
  /** What the program sees as its own name. */
  readonly arg0?: string | undefined;
  /** Runs it on a terminal of this size. Its output is the stream `pty`, its stdin can be written. */
  readonly tty?: TerminalSize | undefined;
  /** Whether stderr goes where stdout goes, in the order of the writes. */
  readonly mergeStderr?: boolean | undefined;
  /** Ends it after so many milliseconds, with the reason `timeout`. */
  readonly timeoutMs?: number | undefined;
  /** From SIGTERM to SIGKILL, in milliseconds. */
  readonly killGraceMs?: number | undefined;
  /** How long after its exit others may still write to its streams, in milliseconds. */
  readonly drainMs?: number | undefined;
  /** `lossless`: while nobody reads, the process waits. `headTail`: it never waits, the middle is dropped. */
  readonly output?: 'lossless' | 'headTail' | undefined;
  /** With `headTail`: head and tail together, in bytes. */
  readonly maxOutputBytes?: number | undefined;
};

/** A connection to a server, ready for requests. */
export class ExecClient {
  readonly #streams: ClientStreams;
  readonly #ownEnv: Env;
  readonly #connection: ClientConnection;
  readonly #processes = new Map<string, RemoteProcess>();
  #info: EnvironmentInfo | undefined;
  #nextId = 1;
  #closing = false;

  /** Resolves when the connection is over; with the error if it ended unasked. Never rejects. */
  readonly closed: Promise<ConnectionLostError | undefined>;
  #resolveClosed: (error: ConnectionLostError | undefined) => void = () => {};

  private constructor(streams: ClientStreams, ownEnv: Env) {
    this.#streams = streams;
    this.#ownEnv = ownEnv;
    this.closed = new Promise(resolve => {
      this.#resolveClosed = resolve;
    });
    const to =
      <Params extends { processId: string }>(act: (process: RemoteProcess, params: Params) => void) =>
      (params: Params) => {
        const process = this.#processes.get(params.processId);
        if (process !== undefined) act(process, params);
      };
    this.#connection = new ClientConnection(
      streams.input,
      streams.output,
      {
        processOutput: to((process, params) => process.onOutput(params)),
        processOutputDropped: to((process, params) => process.onOutputDropped(params)),
        processExited: to((process, params) => process.onExited(params)),
        processClosed: to((process, params) => {
          this.#processes.delete(process.id);
          process.onClosed(params);
        }),
      },
      () => void this.#onEnd(),
    );
  }

  /**
   * Opens a connection over the given streams: `initialize` and `initialized`.
   *
   * @param ownEnv the environment of this side, for starts on a local server
   * @throws {ConnectionLostError} when there is no server at the other end
   */
  static async open(streams: ClientStreams, clientName: string, ownEnv: Env): Promise<ExecClient> {
    const client = new ExecClient(streams, ownEnv);
    try {
      const { environmentInfo } = await client.#connection.request(requests.initialize, {
        clientName,
        outputWindowBytes: OUTPUT_WINDOW_BYTES,
        // What was sent is here; nothing is read twice.
        retainedBytes: 0,
        retainedMs: 0,
      });
      client.#info = environmentInfo;
    } catch (error) {
      // Whoever answers, but not as a server does, is none.
      if (error instanceof ConnectionLostError) throw error;
      throw connectionLost(streams.label, false, (error as Error).message, undefined);
    }
    await client.#connection.notify(clientNotifications.initialized, {});
    return client;
  }

  /** Where the server runs. */
  get info(): EnvironmentInfo {
    return this.#info as EnvironmentInfo;
  }

  /**
   * Starts a process.
   *
   * @throws {RequestError} `launchFailed` when it can't be started, with the stage in `data.stage`
   * @throws {ConnectionLostError}
   */
  async start({
    argv,
    cwd,
    environment = {},
    stdin = false,
    tty,
    ...options
  }: StartOptions): Promise<RemoteProcess> {
    const process = new RemoteProcess(String(this.#nextId++), this.#connection);
    // Known before it is sent: output can arrive before the answer.
    this.#processes.set(process.id, process);
    try {
      await this.#connection.request(requests.processStart, {
        processId: process.id,
        argv: [...argv],
        cwd: startDirectory(this.info, cwd),
        ...this.#startEnv(environment),
        pipeStdin: stdin,
        ...(tty && { tty: true, size: tty }),
        ...options,
      });
    } catch (error) {
      this.#processes.delete(process.id);
      throw error;
    }
    return process;
  }

  /** Ends the connection and with it every process that was started over it. Twice is harmless. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#streams.close();
    await this.closed;
  }

  #startEnv(environment: ProcessEnvironment): ReturnType<typeof remoteStartEnv> {
    return this.#streams.location === 'local'
      ? localStartEnv(environment, this.#ownEnv, process.platform)
      : remoteStartEnv(environment);
  }

  /** The processes of this connection, as the server sees them. */
  async list(): Promise<ResultOut<typeof requests.processList>['processes']> {
    return (await this.#connection.request(requests.processList, {})).processes;
  }

  /** How the server is doing. */
  status(): Promise<ResultOut<typeof requests.serverStatus>> {
    return this.#connection.request(requests.serverStatus, {});
  }

  async #onEnd(): Promise<void> {
    if (!this.#closing) void this.#streams.close();
    const transport = await this.#streams.ended;
    const { problem } = this.#connection;
    const error = this.#closing
      ? closedHere()
      : connectionLost(this.#streams.label, this.#info !== undefined, problem, transport);
    this.#connection.lose(error);
    for (const process of this.#processes.values()) process.onLost(error);
    this.#processes.clear();
    this.#resolveClosed(this.#closing ? undefined : error);
  }
}

const closedHere = () => new ConnectionLostError('the connection was closed');
