import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import {
  createMessageConnection,
  type MessageConnection,
  NullLogger,
  ResponseError,
} from 'vscode-jsonrpc/node';
import { type ErrorKind, ExecServerError, errorKinds, launchFailed } from '../../protocol/errors.ts';
import { FrameMessageReader } from '../../protocol/framing/message-reader.ts';
import { FrameMessageWriter } from '../../protocol/framing/message-writer.ts';
import { settledWithin } from '../../system/deadline.ts';
import { exactEnv } from '../../system/exact-env.ts';
import type { Watchdog } from '../../system/watchdog.ts';
import { FILE_SHUTDOWN_MS } from '../files/limits.ts';
import type { AnswerMemory } from '../memory/answer-memory.ts';
import { AnswerGate } from './answer-gate.ts';
import { SANDBOX_PROBE_MS } from './limits.ts';
import type { SandboxedStart } from './sandboxes.ts';

type Running = ChildProcess & { readonly pid: number; readonly stdin: Writable; readonly stdout: Readable };

export type SandboxedServerOptions = {
  readonly start: SandboxedStart;
  readonly maxFrameBytes: number;
  readonly watchdog: Watchdog;
  readonly answers: AnswerMemory;
  readonly notified: (method: string, params: unknown) => void;
};

/** A server of this program that runs in a sandbox, where the kernel restricts its file requests. */
export class SandboxedServer {
  readonly #child: Running;
  readonly #connection: MessageConnection;
  readonly #gone: Promise<void>;
  readonly #failed: Promise<never>;
  #ended = false;

  /** @throws {ExecServerError} `launchFailed` at stage `sandbox` */
  static async open(options: SandboxedServerOptions): Promise<SandboxedServer> {
    const server = new SandboxedServer(await startServer(options.start), options);
    try {
      const answer = server.#send('initialize', { clientName: 'exec-server' });
      if ((await settledWithin(answer, SANDBOX_PROBE_MS)) === 'late')
        throw new Error(`no answer within ${SANDBOX_PROBE_MS} ms`);
      await answer;
    } catch (error) {
      await server.stop();
      throw failure((error as Error).message);
    }
    void server.#connection.sendNotification('initialized', {});
    return server;
  }

  private constructor(
    child: Running,
    { maxFrameBytes, watchdog, answers, notified }: SandboxedServerOptions,
  ) {
    this.#child = child;
    watchdog.add(child.pid);
    this.#gone = once(child, 'exit').then(() => {
      this.#ended = true;
      watchdog.remove(child.pid);
    });
    this.#failed = this.#gone.then(() => {
      throw failure('it has ended');
    });
    this.#failed.catch(() => {});
    const reader: FrameMessageReader = new FrameMessageReader(
      child.stdout,
      { refused: () => {}, lost: () => {} },
      { maxFrameBytes, gate: new AnswerGate(answers, () => reader.proceed()) },
    );
    this.#connection = createMessageConnection(reader, new FrameMessageWriter(child.stdin), NullLogger, {
      messageStrategy: {
        handleMessage: (message, next) => {
          const handled = next(message);
          reader.dispatched();
          return handled;
        },
      },
    });
    this.#connection.onError(() => {});
    this.#connection.onNotification(notified);
    this.#connection.listen();
  }

  /** True once the server has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Sends a request.
   *
   * @throws {ExecServerError} the error of the answer, or `launchFailed` at stage `sandbox` if the server ends first
   */
  async request(method: string, params: unknown): Promise<unknown> {
    try {
      return await this.#send(method, params);
    } catch (error) {
      throw asExecServerError(error);
    }
  }

  /** Ends the server, with the files that are open in it. Idempotent. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    await settledWithin(this.#gone, FILE_SHUTDOWN_MS);
    if (!this.#ended) {
      try {
        process.kill(-this.#child.pid, 'SIGKILL');
      } catch {
        // It has ended in the meantime.
      }
      await this.#gone;
    }
    this.#connection.dispose();
  }

  #send(method: string, params: unknown): Promise<unknown> {
    return Promise.race([this.#connection.sendRequest(method, params), this.#failed]);
  }
}

const startServer = async ({ argv: [file, ...args], env, descriptors }: SandboxedStart): Promise<Running> => {
  const child = spawn(file, args, {
    cwd: '/',
    env: exactEnv(env),
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore', ...descriptors],
  });
  if (child.pid === undefined) throw failure((await once(child, 'error'))[0].code);
  // The exit of the process reports it.
  child.stdin?.on('error', () => {});
  return child as Running;
};

const failure = (reason: string): ExecServerError =>
  launchFailed(`the sandboxed server for file requests failed: ${reason}`, {
    stage: 'sandbox',
    errno: 'UNKNOWN',
    path: process.execPath,
  });

const asExecServerError = (error: unknown): unknown => {
  if (!(error instanceof ResponseError)) return error;
  const { kind, ...data } = (error.data ?? {}) as { kind?: string };
  const known = kind !== undefined && kind in errorKinds ? (kind as ErrorKind) : 'internal';
  return new ExecServerError(known, error.message, data);
};
