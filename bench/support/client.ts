import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { bodies } from './bodies.ts';
import { type Message, readMessage } from './message.ts';
import type { Server } from './question.ts';

/** A request that a server answered with an error. */
export class Refused extends Error {}

/** Bytes to send, encoded beforehand: how fast the client does that is not the question. */
export type Chunk = { readonly bytes: Buffer; readonly base64: Buffer };

export const chunkOf = (bytes: Buffer): Chunk => ({ bytes, base64: Buffer.from(bytes.toString('base64')) });

export type StartOptions = {
  readonly argv: readonly string[];
  /** With the policy that is used here, the environment is the server's, filtered; otherwise it is exact. */
  readonly policy?: boolean;
  /** The exact environment, instead of the usual one. */
  readonly env?: Readonly<Record<string, string>>;
  /** For a login shell: the snapshot to use. */
  readonly snapshot?: object;
  readonly stdin?: boolean;
  readonly tty?: boolean;
};

const open = new Set<Client>();

/** Kills the servers of clients that were not closed, after a round that took too long. */
export const killLeftServers = (): void => {
  for (const { server } of open) server.kill('SIGKILL');
};

/** The one client of all servers: it does as little as a client can, and reads no output that it only counts. */
export class Client {
  readonly server: ChildProcess & { stdin: Writable; stdout: Readable };
  /** Resolves when the server has ended and its streams are closed. */
  readonly ended: Promise<void>;
  readonly #framing: Server['framing'];
  readonly #pending = new Map<number, (message: Message, chunkBytes: number) => void>();
  readonly #processes = new Map<string, RunningProcess>();
  #binary = false;
  #nextId = 1;
  #nextProcess = 1;

  constructor({ argv: [program, ...args], framing }: Pick<Server, 'argv' | 'framing'>) {
    this.#framing = framing;
    this.server = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] }) as typeof this.server;
    this.server.stdin.on('error', () => {});
    const push = bodies(framing, body => {
      const { message, chunkBytes } = readMessage(body);
      this.#received(message, chunkBytes);
    });
    this.server.stdout.on('data', push);
    const failed = once(this.server, 'error').then(([error]) => this.#abandon(error));
    const closed = once(this.server, 'close').then(() => this.#abandon(new Error('the server has ended')));
    this.ended = Promise.race([failed, closed]).finally(() => open.delete(this));
    this.ended.catch(() => {});
    open.add(this);
  }

  /** A client whose connection is open. */
  static async open(server: Pick<Server, 'argv' | 'framing'>): Promise<Client> {
    const client = new Client(server);
    await client.initialize();
    return client;
  }

  /** One that sends and gets bytes as they are; `undefined` if the server doesn't do that. */
  static async openBinary(server: Pick<Server, 'argv' | 'framing'>): Promise<Client | undefined> {
    const client = new Client(server);
    await client.initialize({ binaryFrames: true });
    if (client.#binary) return client;
    await client.close();
    return undefined;
  }

  get pid(): number {
    return this.server.pid as number;
  }

  async initialize(options: object = {}): Promise<void> {
    const { binaryFrames } = await this.request('initialize', { clientName: 'bench', ...options });
    this.#binary = binaryFrames === true;
    this.#send({ jsonrpc: '2.0', method: 'initialized', params: {} });
  }

  // biome-ignore lint/suspicious/noExplicitAny: servers of different make answer
  request(method: string, params: object): Promise<any> {
    const { id, answer } = this.#expect(method);
    this.#send({ jsonrpc: '2.0', id, method, params });
    return answer.then(({ result }) => result);
  }

  /** The same for an answer that carries a `chunk`: tells only how long that is. */
  async requestChunk(method: string, params: object): Promise<number> {
    const { id, answer } = this.#expect(method);
    this.#send({ jsonrpc: '2.0', id, method, params });
    return (await answer).chunkBytes;
  }

  /** Sends a request with a `chunk`. */
  // biome-ignore lint/suspicious/noExplicitAny: servers of different make answer
  sendChunk(method: string, params: object, chunk: Chunk): Promise<any> {
    const { id, answer } = this.#expect(method);
    const request = JSON.stringify({ jsonrpc: '2.0', id, method, params });
    const [before, bytes, after] = this.#binary
      ? [`${request}\n`, chunk.bytes, '']
      : [`${request.slice(0, -2)},"chunk":"`, chunk.base64, this.#framing === 'lsp' ? '"}}' : '"}}\n'];
    const stdin = this.server.stdin;
    stdin.cork();
    if (this.#framing === 'lsp') {
      const type = this.#binary ? 'Content-Type: application/vnd.exec-server.chunk\r\n' : '';
      const length = Buffer.byteLength(before) + bytes.length + after.length;
      stdin.write(`Content-Length: ${length}\r\n${type}\r\n`);
    }
    stdin.write(before);
    stdin.write(bytes);
    stdin.write(after);
    stdin.uncork();
    return answer.then(({ result }) => result);
  }

  /** Starts a process. `onOutput` is called for every piece of its output with the number of its bytes. */
  start(options: StartOptions, onOutput: (bytes: number) => void = () => {}): RunningProcess {
    const processId = `p${this.#nextProcess++}`;
    const process = new RunningProcess(this, processId, onOutput);
    this.#processes.set(processId, process);
    const { argv, policy = false, env = ENVIRONMENT, snapshot, stdin = false, tty = false } = options;
    this.request('process/start', {
      processId,
      argv,
      cwd: 'file:///',
      env: policy ? OVERLAY : env,
      envPolicy: policy ? POLICY : null,
      tty,
      pipeStdin: stdin,
      arg0: null,
      ...(snapshot && { shellSnapshot: snapshot }),
    }).then(process.answered, process.failed);
    return process;
  }

  /** Ends the connection and waits for the server's end. */
  async close(): Promise<void> {
    this.server.stdout.resume();
    this.server.stdin.end();
    const impatient = setTimeout(() => this.server.kill('SIGKILL'), CLOSE_MS);
    await this.ended;
    clearTimeout(impatient);
  }

  #expect(method: string): { id: number; answer: Promise<{ result: unknown; chunkBytes: number }> } {
    const id = this.#nextId++;
    const answer = new Promise<{ result: unknown; chunkBytes: number }>((resolve, reject) => {
      this.#pending.set(id, ({ result, error }, chunkBytes) => {
        if (error === undefined) resolve({ result, chunkBytes });
        else reject(new Refused(`${method}: ${error.message}`));
      });
    });
    return { id, answer };
  }

  #send(message: object): void {
    const body = JSON.stringify(message);
    this.server.stdin.write(this.#framing === 'lsp' ? headerOf(Buffer.byteLength(body)) + body : `${body}\n`);
  }

  #received(message: Message, chunkBytes: number): void {
    if (message.method === undefined) {
      const id = Number(message.id);
      this.#pending.get(id)?.(message, chunkBytes);
      this.#pending.delete(id);
      return;
    }
    const process = this.#processes.get(message.params?.processId);
    if (message.method === 'process/output') process?.output(chunkBytes);
    if (message.method !== 'process/closed') return;
    this.#processes.delete(message.params.processId);
    process?.finish();
  }

  #abandon(reason: Error): void {
    for (const settle of this.#pending.values()) settle({ error: { code: 0, message: reason.message } }, 0);
    this.#pending.clear();
    for (const process of this.#processes.values()) process.failed(reason);
  }
}

/** A process of a server. */
export class RunningProcess {
  readonly id: string;
  /** Resolves when the server has answered its start. */
  readonly started: Promise<void>;
  /** Resolves when all is said of it; rejects when its start is refused or the server ends. */
  readonly closed: Promise<void>;
  answered: () => void = () => {};
  finish: () => void = () => {};
  failed: (reason: Error) => void = () => {};
  /** How much it has written. */
  bytes = 0;
  onOutput: (bytes: number) => void;
  readonly #client: Client;

  constructor(client: Client, id: string, onOutput: (bytes: number) => void) {
    this.#client = client;
    this.id = id;
    this.onOutput = onOutput;
    const refused: Array<(reason: Error) => void> = [];
    this.started = new Promise((resolve, reject) => {
      this.answered = resolve;
      refused.push(reject);
    });
    this.closed = new Promise((resolve, reject) => {
      this.finish = resolve;
      refused.push(reject);
    });
    this.failed = reason => {
      for (const reject of refused) reject(reason);
    };
    // A caller may wait for only one of them.
    this.started.catch(() => {});
    this.closed.catch(() => {});
  }

  output(bytes: number): void {
    this.bytes += bytes;
    this.onOutput(bytes);
  }

  /** Resolves with the next piece of output. */
  nextOutput(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.onOutput = () => resolve();
      this.closed.then(() => reject(new Error('it ended')), reject);
    });
  }

  /** Sends bytes to its stdin. */
  async write(chunk: Chunk): Promise<void> {
    const params = { processId: this.id, writeId: String(++writes) };
    const { status } = await this.#client.sendChunk('process/write', params, chunk);
    if (status !== 'accepted') throw new Refused(`process/write: ${status}`);
  }

  async terminate(): Promise<void> {
    await this.#client.request('process/terminate', { processId: this.id });
  }
}

let writes = 0;

const headerOf = (bodyBytes: number): string => `Content-Length: ${bodyBytes}\r\n\r\n`;

const CLOSE_MS = 10_000;

/** The exact environment of what is measured, with and without a server. */
export const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin' };

const OVERLAY = { NO_COLOR: '1', TERM: 'dumb', PAGER: 'cat' };

const POLICY = { inherit: 'all', ignoreDefaultExcludes: false, exclude: ['AWS_*'], set: {}, includeOnly: [] };
