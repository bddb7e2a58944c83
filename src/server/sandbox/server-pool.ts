import { limitExceeded, shuttingDown, unsupported } from '../../protocol/errors.ts';
import { fsMissingChanged } from '../../protocol/files.ts';
import type { Sandbox } from '../../protocol/sandbox.ts';
import type { Watchdog } from '../../system/watchdog.ts';
import type { AnswerMemory } from '../memory/answer-memory.ts';
import { MAX_FILE_SANDBOXES } from './limits.ts';
import { SandboxedServer } from './sandboxed-server.ts';
import type { PreparedSandbox, Sandboxes } from './sandboxes.ts';

export type ServerPoolOptions = {
  readonly sandboxes: Sandboxes;
  readonly answers: AnswerMemory;
  readonly watchdog: Watchdog;
  readonly maxFrameBytes: number;
  /** The runtime and the program of this server; absent if it is embedded in another program. */
  readonly program: readonly [string, string] | undefined;
  /** Reports that the watch of a sandboxed server has ended with a change. */
  readonly missingChanged: (watchId: number) => void;
};

/** A sandboxed server, running or starting, and what it holds for the client. */
export type PooledServer = {
  readonly key: string;
  readonly opening: Promise<SandboxedServer>;
  pendingRequests: number;
  readonly handles: Set<string>;
  watchId: number | undefined;
};

/**
 * The sandboxed servers of one connection: one for each different sandbox, at most `MAX_FILE_SANDBOXES`. Beyond it the
 * idle one that was used longest ago is ended.
 */
export class ServerPool {
  readonly #options: ServerPoolOptions;
  /** In the order of their last use. */
  readonly #servers = new Map<string, PooledServer>();
  #stopping = false;

  constructor(options: ServerPoolOptions) {
    this.#options = options;
  }

  /** The servers, those used last at the end. */
  get servers(): readonly PooledServer[] {
    return [...this.#servers.values()];
  }

  /**
   * Returns the server of a sandbox, which it starts if there is none; `undefined` if the sandbox restricts nothing.
   *
   * @throws {ExecServerError} `unsupported`, `invalidParams`, `launchFailed` at stage `sandbox`, `limitExceeded`,
   *   `shuttingDown`
   */
  serverFor(sandbox: Sandbox): PooledServer | undefined {
    const { sandboxes, program } = this.#options;
    if (this.#stopping) throw shuttingDown();
    const prepared = sandboxes.prepare(sandbox, undefined, program);
    if (prepared === undefined) return undefined;
    const { key } = prepared;
    const existing = this.#servers.get(key);
    if (existing !== undefined) prepared.release();
    const server = existing ?? this.#start(prepared, program);
    this.#servers.delete(key);
    this.#servers.set(key, server);
    return server;
  }

  /**
   * Sends a request to a server, and drops the server if it has ended.
   *
   * @throws {ExecServerError} the error of the answer, `launchFailed` at stage `sandbox`
   */
  async request(server: PooledServer, method: string, params: object): Promise<unknown> {
    server.pendingRequests += 1;
    try {
      return await (await server.opening).request(method, params);
    } catch (error) {
      const opened = await server.opening.catch(() => undefined);
      if (opened === undefined || opened.ended) this.#drop(server);
      throw error;
    } finally {
      server.pendingRequests -= 1;
    }
  }

  /** Ends all servers, with the files that are open in them. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.servers.map(end));
  }

  #start(prepared: PreparedSandbox, program: ServerPoolOptions['program']): PooledServer {
    try {
      if (program === undefined) {
        throw unsupported(
          'sandbox',
          'file requests need a server that is not embedded and whose own files are accessible',
        );
      }
      this.#makeRoom();
    } catch (error) {
      prepared.release();
      throw error;
    }
    const server: PooledServer = {
      key: prepared.key,
      opening: this.#open(prepared, program, params => this.#missingChanged(server, params)),
      pendingRequests: 0,
      handles: new Set(),
      watchId: undefined,
    };
    server.opening.catch(() => {});
    return server;
  }

  #makeRoom(): void {
    const { size } = this.#servers;
    if (size < MAX_FILE_SANDBOXES) return;
    const idle = this.servers.find(isIdle);
    if (idle === undefined) {
      const hint = 'close the files that are open in one of them';
      throw limitExceeded('fileSandboxes', size + 1, MAX_FILE_SANDBOXES, hint);
    }
    this.#drop(idle);
    void end(idle);
  }

  async #open(
    prepared: PreparedSandbox,
    program: readonly string[],
    missingChanged: (params: unknown) => void,
  ): Promise<SandboxedServer> {
    const { watchdog, answers, maxFrameBytes } = this.#options;
    try {
      await prepared.probe();
      if (this.#stopping) throw shuttingDown();
      return await SandboxedServer.open({
        start: prepared.start([...program, '--stdio', '--memory-limit', SERVER_MEMORY], SERVER_ENV),
        maxFrameBytes,
        watchdog,
        answers,
        notified: (method, params) => {
          if (method === fsMissingChanged.method) missingChanged(params);
        },
      });
    } finally {
      prepared.release();
    }
  }

  #missingChanged(server: PooledServer, params: unknown): void {
    const { watchId } = params as { watchId: number };
    if (server.watchId !== watchId) return;
    server.watchId = undefined;
    this.#options.missingChanged(watchId);
  }

  #drop({ key }: PooledServer): void {
    this.#servers.delete(key);
  }
}

// A sandboxed server writes only the files that it is asked to, not its compiled code, and needs no home directory.
const SERVER_ENV = { HOME: '/', NODE_DISABLE_COMPILE_CACHE: '1' };

// It has one client, in this process, which budgets the answers.
const SERVER_MEMORY = '96M';

const isIdle = ({ pendingRequests, handles, watchId }: PooledServer): boolean =>
  pendingRequests === 0 && handles.size === 0 && watchId === undefined;

const end = async ({ opening }: PooledServer): Promise<void> => {
  const server = await opening.catch(() => undefined);
  await server?.stop();
};
