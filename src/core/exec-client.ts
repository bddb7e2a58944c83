import type { Readable, Writable } from 'node:stream';
import type { ResultOut } from '../protocol/define.ts';
import type { EnvironmentInfo } from '../protocol/environment.ts';
import { clientNotifications, requests } from '../protocol/messages.ts';
import type { TerminalSize } from '../protocol/process.ts';
import type { Env, EnvBase, EnvInput } from '../shared-config/index.ts';
import { startTimer } from '../system/deadline.ts';
import { ClientConnection } from './client-connection.ts';
import { ConnectionLostError, connectionFailed, connectionLost, RequestError } from './errors.ts';
import { OUTPUT_WINDOW_BYTES } from './limits.ts';
import { type EnvironmentExplanation, explainHere, withPathOrigin } from './local-environment.ts';
import type { Noise } from './noise.ts';
import { RemoteFiles } from './remote-files.ts';
import { RemoteProcess } from './remote-process.ts';
import { watchForShell } from './shell-in-place.ts';
import { startDirectory } from './start-directory.ts';
import {
  envInput,
  isMadeHere,
  localStartEnv,
  type ProcessEnv,
  remoteStartEnv,
  type StartEnv,
} from './start-env.ts';
import type { TransportEnd } from './transport.ts';
import { refuseUnenforced } from './unenforced.ts';

/** The streams of a connection and what is known about them. */
export type ClientStreams = {
  readonly input: Readable;
  readonly output: Writable;
  /** What whoever is on the way to the server has to say; somebody else reads it, too. */
  readonly stderr?: Readable;
  readonly location: 'local' | 'remote';
  readonly label: string;
  /** Resolves when nothing more can come: how the program that carries the connection ended, if there is one. */
  readonly ended?: Promise<TransportEnd | undefined>;
  /** Ends the connection from this side. */
  close(): Promise<void>;
  /** Ends it at once, where `close` gives the other side time. */
  abort?(): Promise<void>;
};

/** What to run. */
export type StartOptions = {
  /** Program and arguments; no shell takes part. */
  readonly argv: readonly [string, ...string[]];
  /** A path there or a `file:` URI. A relative path, and the default, start where the server runs. */
  readonly cwd?: string | undefined;
  readonly env?: ProcessEnv | undefined;
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
  #announced: ResultOut<typeof requests.initialize> | undefined;
  #nextId = 1;
  #closing = false;

  /** Files where the server runs. */
  readonly files: RemoteFiles;

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
        fsMissingChanged: params => this.files.onMissingChanged(params),
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
    this.files = new RemoteFiles(this.#connection);
  }

  /**
   * Opens a connection over the given streams: `initialize` and `initialized`.
   *
   * @param ownEnv the environment of this side, for starts on a local server
   * @param timeoutMs how long the answer to `initialize` may take
   * @throws {ConnectionLostError} when there is no server at the other end
   */
  static async open(
    streams: ClientStreams,
    clientName: string,
    ownEnv: Env,
    timeoutMs?: number,
  ): Promise<ExecClient> {
    const client = new ExecClient(streams, ownEnv);
    const timer =
      timeoutMs === undefined ? undefined : startTimer(timeoutMs, () => client.#tooLate(timeoutMs));
    const endWatch =
      streams.stderr &&
      watchForShell(streams.stderr, () =>
        client.#connection.giveUp('a shell took what was sent for a command'),
      );
    try {
      client.#announced = await client.#connection.request(requests.initialize, {
        clientName,
        binaryFrames: true,
        outputWindowBytes: OUTPUT_WINDOW_BYTES,
        // What was sent is here; nothing is read twice.
        retainedBytes: 0,
        retainedMs: 0,
      });
      if (client.#announced.binaryFrames) client.#connection.useBinaryFrames();
      const { problem } = client.#connection;
      // The answer came when the connection was given up already.
      if (problem !== undefined) throw client.#failed(problem, await streams.ended);
    } catch (error) {
      // Whoever answers, but not as a server does, is none.
      if (error instanceof ConnectionLostError) throw error;
      throw client.#failed((error as Error).message, undefined);
    } finally {
      timer?.cancel();
      endWatch?.();
    }
    await client.#connection.notify(clientNotifications.initialized, {});
    return client;
  }

  /** Where the server runs. */
  get info(): EnvironmentInfo {
    return this.#opened.environmentInfo;
  }

  /** The bounds of the server that this client can run into, by name; empty if it tells none. */
  get limits(): Readonly<Record<string, number>> {
    return this.#opened.limits ?? {};
  }

  /** Why no process can have a terminal there; `undefined` if nothing is known against it. */
  get ttyUnavailable(): string | undefined {
    return this.#opened.ttyUnavailable;
  }

  /** Why no process can be confined there; `undefined` if one can, and where the server doesn't tell. */
  get sandboxUnavailable(): string | undefined {
    return this.#opened.sandboxUnavailable;
  }

  /** What came before the server's first frame, such as the greeting of a login shell; `undefined` if nothing did. */
  get noise(): Noise | undefined {
    return this.#connection.noise.summary;
  }

  /**
   * Starts a process.
   *
   * @throws {RequestError} `launchFailed` when it can't be started, with the stage in `data.stage`
   * @throws {ConnectionLostError}
   */
  async start({ argv, cwd, env = {}, stdin = false, tty, ...options }: StartOptions): Promise<RemoteProcess> {
    const startEnv = this.#startEnv(env);
    const process = new RemoteProcess(String(this.#nextId++), this.#connection);
    // Known before it is sent: output can arrive before the answer.
    this.#processes.set(process.id, process);
    try {
      await this.#connection.request(requests.processStart, {
        processId: process.id,
        argv: [...argv],
        cwd: startDirectory(this.info, cwd),
        ...startEnv,
        pipeStdin: stdin,
        ...(tty && { tty: true, size: tty }),
        ...options,
      });
    } catch (error) {
      this.#processes.delete(process.id);
      // It may run: whatever the server meant, nobody here would ever end it.
      if (error instanceof RequestError && error.kind === 'invalidAnswer')
        process.terminate().catch(() => {});
      const input = this.#inputMadeHere(env);
      throw input === undefined ? error : withPathOrigin(error, input);
    }
    return process;
  }

  /**
   * Tells what would become of each variable of a process with this environment, and by which step, without
   * starting one. Never a value.
   *
   * @param names the names to tell of; unless given, every name that a step met
   * @throws {RequestError} `invalidParams` for too many names, `limitExceeded` for too long an answer
   */
  async explain(env: ProcessEnv = {}, names?: readonly string[]): Promise<EnvironmentExplanation> {
    const input = this.#inputMadeHere(env);
    if (input !== undefined) return explainHere(input, names);
    return this.#connection.request(requests.environmentExplain, {
      ...this.#startEnv(env),
      names: names && [...names],
    });
  }

  /**
   * Forgets what the account's shell said of its environment, so that starts with such a `base` see what has
   * changed there since.
   *
   * @param base what to take anew at once; by default nothing before it is needed
   */
  refreshEnvironment(base?: EnvBase): Promise<ResultOut<typeof requests.environmentRefresh>> {
    return this.#connection.request(requests.environmentRefresh, { base });
  }

  /** Ends the connection and with it every process that was started over it. Twice is harmless. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#streams.close();
    await this.closed;
  }

  get #opened(): ResultOut<typeof requests.initialize> {
    return this.#announced as ResultOut<typeof requests.initialize>;
  }

  #startEnv(env: ProcessEnv): StartEnv {
    const start =
      this.#streams.location === 'local'
        ? localStartEnv(env, this.#ownEnv, process.platform)
        : remoteStartEnv(env);
    refuseUnenforced(start, this.info);
    return start;
  }

  /** What an environment is made of, if this side makes it. */
  #inputMadeHere(env: ProcessEnv): EnvInput | undefined {
    const start = remoteStartEnv(env);
    return this.#streams.location === 'local' && isMadeHere(start)
      ? envInput(start, this.#ownEnv, process.platform)
      : undefined;
  }

  /** The processes of this connection, as the server sees them. */
  async list(): Promise<ResultOut<typeof requests.processList>['processes']> {
    return (await this.#connection.request(requests.processList, {})).processes;
  }

  /** How the server is doing. */
  status(): Promise<ResultOut<typeof requests.serverStatus>> {
    return this.#connection.request(requests.serverStatus, {});
  }

  #tooLate(timeoutMs: number): void {
    void this.#streams.abort?.();
    this.#connection.giveUp(`no answer to initialize within ${timeoutMs / 1000} s`);
  }

  async #onEnd(): Promise<void> {
    if (!this.#closing) void this.#streams.close();
    const transport = await this.#streams.ended;
    const error = this.#closing ? closedHere() : this.#lost(transport);
    this.#connection.lose(error);
    for (const process of this.#processes.values()) process.onLost(error);
    this.#processes.clear();
    this.#resolveClosed(this.#closing ? undefined : error);
  }

  #lost(transport: TransportEnd | undefined): ConnectionLostError {
    const { begun, problem } = this.#connection;
    return begun ? connectionLost(this.#streams.label, problem, transport) : this.#failed(problem, transport);
  }

  #failed(reason: string | undefined, transport: TransportEnd | undefined): ConnectionLostError {
    return connectionFailed({
      label: this.#streams.label,
      reason,
      noise: this.#connection.noise,
      transport,
    });
  }
}

const closedHere = () => new ConnectionLostError('the connection was closed');
