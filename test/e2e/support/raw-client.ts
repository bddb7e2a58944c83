import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { programPath } from './program.ts';

/** Any JSON-RPC message, as it came. */
export type RawMessage = {
  readonly id?: string | number | null;
  readonly method?: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  readonly params?: any;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  readonly result?: any;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: Record<string, unknown>;
  };
};

export type RawOptions = {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** What runs the server; by default the built program. */
  readonly argv?: readonly [string, ...string[]];
  /** `newline`: each message is a line, in both directions. */
  readonly framing?: RawFraming;
};

/** The two ways in which messages are told apart. */
export type RawFraming = 'contentLength' | 'newline';

/** Encodes one frame. Written apart from the product, so that both can't share a mistake. */
export const rawFrame = (body: string | Buffer): Buffer => {
  const bytes = Buffer.from(body as string);
  return Buffer.concat([Buffer.from(`Content-Length: ${bytes.length}\r\n\r\n`), bytes]);
};

/** The same as a line of its own. */
const rawLine = (body: string | Buffer): Buffer =>
  Buffer.concat([Buffer.from(body as string), Buffer.from('\n')]);

/** The first message in `bytes` that is whole, and how many bytes it takes. */
const firstFrame = (bytes: Buffer): { body: Buffer; length: number } | undefined => {
  const header = /^Content-Length: (\d+)\r\n\r\n/.exec(bytes.toString('latin1', 0, 100));
  if (header === null) return undefined;
  const length = header[0].length + Number(header[1]);
  return bytes.length < length ? undefined : { body: bytes.subarray(header[0].length, length), length };
};

const firstLine = (bytes: Buffer): { body: Buffer; length: number } | undefined => {
  const end = bytes.indexOf('\n');
  return end < 0 ? undefined : { body: bytes.subarray(0, end), length: end + 1 };
};

/** A client of bytes and little else: it sends what it is told and keeps all that comes. */
export class RawClient {
  readonly server: ChildProcess & { stdin: Writable; stdout: Readable; stderr: Readable };
  /** Every message that came, in order. */
  readonly messages: RawMessage[] = [];
  /** Bytes on stdout that are no frame; must stay empty. */
  strayBytes = '';
  stderr = '';
  readonly #framing: RawFraming;
  /** Resolves with the exit code, or the signal, of the server. */
  readonly ended: Promise<number | NodeJS.Signals>;

  #buffer: Buffer = Buffer.alloc(0);
  #wake: Array<() => void> = [];
  #over = false;
  #nextId = 1;

  constructor({
    env = process.env,
    cwd,
    argv = [process.execPath, programPath, '--stdio'],
    framing = 'contentLength',
  }: RawOptions = {}) {
    this.#framing = framing;
    this.server = spawn(argv[0], argv.slice(1), { env, cwd, stdio: 'pipe' });
    this.server.stdout.on('data', (chunk: Buffer) => this.#received(chunk));
    this.server.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk;
    });
    this.server.stdin.on('error', () => {});
    this.ended = once(this.server, 'close').then(([code, signal]) => {
      this.#over = true;
      this.strayBytes += this.#buffer.toString('latin1');
      this.#notify();
      return signal ?? code;
    });
  }

  /** A client whose connection is open: `initialize` and `initialized` are done. */
  static async open(options: RawOptions = {}): Promise<RawClient> {
    const client = new RawClient(options);
    await client.request('initialize', { clientName: 'raw' });
    client.send({ method: 'initialized' });
    return client;
  }

  sendBytes(bytes: Buffer | string): void {
    this.server.stdin.write(bytes);
  }

  /** The bytes that carry this body. */
  frame(body: string | Buffer): Buffer {
    return this.#framing === 'newline' ? rawLine(body) : rawFrame(body);
  }

  send(message: object): void {
    this.sendBytes(this.frame(JSON.stringify(message)));
  }

  /** Sends a request and waits for its answer, be it a result or an error. */
  async ask(method: string, params?: unknown): Promise<RawMessage> {
    const id = this.#nextId++;
    this.send({ jsonrpc: '2.0', id, method, params });
    return this.waitFor(
      `the answer to ${method}`,
      message => message.id === id && message.method === undefined,
    );
  }

  /** Sends a request and waits for its result; an error answer is thrown. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  async request(method: string, params?: unknown): Promise<any> {
    const { result, error } = await this.ask(method, params);
    if (error !== undefined) throw Object.assign(new Error(error.message), { answer: error });
    return result;
  }

  /** Waits for the first message, past or to come, that fits. */
  async waitFor(what: string, fits: (message: RawMessage) => boolean): Promise<RawMessage> {
    for (let from = 0; ; ) {
      const found = this.messages.slice(from).find(fits);
      if (found !== undefined) return found;
      if (this.#over) throw new Error(`the server ended without ${what}; stderr: ${this.stderr}`);
      from = this.messages.length;
      await new Promise<void>(resolve => this.#wake.push(resolve));
    }
  }

  /** Waits until everything about a process was said, and gathers it. */
  async finished(processId: string) {
    const about = (message: RawMessage) => message.params?.processId === processId;
    await this.waitFor(`process/closed of ${processId}`, m => m.method === 'process/closed' && about(m));
    const all = this.messages.filter(about);
    const of = (method: string) =>
      all.filter(message => message.method === method).map(message => message.params);
    const bytes = (stream: string) =>
      Buffer.concat(
        of('process/output')
          .filter(params => params.stream === stream)
          .map(params => Buffer.from(params.chunk, 'base64')),
      );
    return {
      stdout: bytes('stdout'),
      stderr: bytes('stderr'),
      pty: bytes('pty'),
      exited: of('process/exited')[0],
      closed: of('process/closed')[0],
      order: all.map(message => message.method),
      seqs: all.map(message => message.params.seq as number),
    };
  }

  /** Ends the server's stdin and waits for its end. */
  async close(): Promise<number | NodeJS.Signals> {
    this.server.stdin.end();
    return this.ended;
  }

  #received(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    const first = this.#framing === 'newline' ? firstLine : firstFrame;
    for (let found = first(this.#buffer); found !== undefined; found = first(this.#buffer)) {
      this.messages.push(JSON.parse(found.body.toString('utf8')));
      this.#buffer = this.#buffer.subarray(found.length);
    }
    this.#notify();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}
