import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { ResponseError } from 'vscode-jsonrpc/node';
import { type ErrorKind, ExecServerError, errorKinds, launchFailed } from '../../protocol/errors.ts';
import { clientNotifications, requests } from '../../protocol/messages.ts';
import { RpcClient } from '../../protocol/rpc/client.ts';
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
  readonly #client: RpcClient<ExecServerError>;
  readonly #exited: Promise<void>;
  #ended = false;

  /** @throws {ExecServerError} `launchFailed` at stage `sandbox` */
  static async open(options: SandboxedServerOptions): Promise<SandboxedServer> {
    const server = new SandboxedServer(await startServer(options.start), options);
    try {
      await server.#initialize();
    } catch (error) {
      await server.stop();
      throw error instanceof ResponseError ? failure(error.message) : error;
    }
    return server;
  }

  private constructor(
    child: Running,
    { maxFrameBytes, watchdog, answers, notified }: SandboxedServerOptions,
  ) {
    this.#child = child;
    watchdog.add(child.pid);
    this.#exited = once(child, 'exit').then(() => {
      this.#ended = true;
      watchdog.remove(child.pid);
    });
    this.#client = new RpcClient<ExecServerError>({
      input: child.stdout,
      output: child.stdin,
      maxFrameBytes,
      gate: new AnswerGate(answers, () => this.#client.proceed()),
      onNotification: notified,
      describeEnd: async () => {
        await this.stop();
        return failure(this.#client.problem ?? 'it exited');
      },
    });
    void this.#exited.then(() => this.#client.end());
  }

  /** True if the server has exited. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Sends a request.
   *
   * @throws {ExecServerError} the error of the answer, or `launchFailed` at stage `sandbox` if the server exits before
   */
  async request(method: string, params: unknown): Promise<unknown> {
    try {
      return await this.#client.request(method, params);
    } catch (error) {
      throw error instanceof ResponseError ? fromResponse(error) : error;
    }
  }

  /** Ends the server, with the files that are open in it. Idempotent. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    await settledWithin(this.#exited, FILE_SHUTDOWN_MS);
    if (this.#ended) return;
    try {
      process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // It has exited in the meantime.
    }
    await this.#exited;
  }

  async #initialize(): Promise<void> {
    const answer = this.#client.request(requests.initialize.method, { clientName: 'exec-server' });
    if ((await settledWithin(answer, SANDBOX_PROBE_MS)) === 'late') {
      throw failure(`no answer within ${SANDBOX_PROBE_MS} ms`);
    }
    await answer;
    void this.#client.notify(clientNotifications.initialized, {});
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

const fromResponse = ({ message, data: sent }: ResponseError<unknown>): ExecServerError => {
  const { kind, ...data } = (sent ?? {}) as { kind?: string };
  const known = kind !== undefined && kind in errorKinds ? (kind as ErrorKind) : 'internal';
  return new ExecServerError(known, message, data);
};
