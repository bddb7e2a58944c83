import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { WireCheck } from '../../support/wire-schema.ts';
import { programPath } from './program.ts';

/** Any JSON-RPC message, as received. */
export type RawMessage = {
  readonly id?: string | number | null;
  readonly method?: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests inspect any message
  readonly params?: any;
  // biome-ignore lint/suspicious/noExplicitAny: tests inspect any message
  readonly result?: any;
  /** True if its `chunk` came as bytes instead of base64. */
  readonly binary?: boolean;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: Record<string, unknown>;
  };
};

export type RawOptions = {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** The command line of the server; by default the built program. */
  readonly argv?: readonly [string, ...string[]];
  readonly framing?: RawFraming;
  /** False for a server of another product, whose messages need not match the JSON schema. */
  readonly checkSchema?: boolean;
  /** How long the server keeps closed processes. */
  readonly retainedMs?: number;
};

/** The framing of messages, in both directions: frames, frames that carry a `chunk` as bytes, or lines. */
export type RawFraming = 'contentLength' | 'binary' | 'newline';

/** Encodes one frame, independently of the product, so that the two cannot share a mistake. */
export const rawFrame = (body: string | Buffer): Buffer => {
  const bytes = Buffer.from(body as string);
  return Buffer.concat([Buffer.from(`Content-Length: ${bytes.length}\r\n\r\n`), bytes]);
};

/** Encodes a message whose `chunk` is base64 as a frame with the bytes; `undefined` for any other message. */
const rawBinaryFrame = ({ params, ...message }: RawMessage): Buffer | undefined => {
  const { chunk, ...rest } = params ?? {};
  const bytes = Buffer.from(typeof chunk === 'string' ? chunk : '', 'base64');
  if (typeof chunk !== 'string' || bytes.toString('base64') !== chunk) return undefined;
  const body = Buffer.concat([Buffer.from(`${JSON.stringify({ ...message, params: rest })}\n`), bytes]);
  return Buffer.concat([
    Buffer.from(`Content-Type: ${RAW_CHUNK_TYPE}\nContent-Length: ${body.length}\n\n`),
    body,
  ]);
};

const RAW_CHUNK_TYPE = 'application/vnd.exec-server.chunk';

/** Parses the body of a frame; bytes in it become base64. */
const readBody = (body: Buffer, type: string | undefined): RawMessage => {
  if (type === undefined) return JSON.parse(body.toString());
  if (type !== RAW_CHUNK_TYPE) throw new Error(`unexpected frame of type ${type}`);
  const end = body.indexOf('\n');
  const message = JSON.parse(body.toString('utf8', 0, end));
  (message.params ?? message.result).chunk = body.toString('base64', end + 1);
  return { ...message, binary: true };
};

/** The message as it would have come in JSON alone. */
const asJson = (message: RawMessage): object => {
  if (!message.binary) return message;
  const { binary: _, ...rest } = message;
  return rest;
};

/** Encodes one message as a line. */
const rawLine = (body: string | Buffer): Buffer =>
  Buffer.concat([Buffer.from(body as string), Buffer.from('\n')]);

/** The first message in `bytes` and its length in bytes, or the least number of bytes that are missing. */
const firstFrame = (bytes: Buffer): CompleteMessage | number => {
  const header = HEADER.exec(bytes.toString('latin1', 0, 200));
  if (header === null) return 1;
  const length = header[0].length + Number(header[1]);
  if (bytes.length < length) return length - bytes.length;
  return { message: readBody(bytes.subarray(header[0].length, length), header[2]), length };
};

const HEADER = /^Content-Length: (\d+)\r\n(?:Content-Type: (\S+)\r\n)?\r\n/;

const firstLine = (bytes: Buffer): CompleteMessage | number => {
  const end = bytes.indexOf('\n');
  return end < 0 ? 1 : { message: readBody(bytes.subarray(0, end), undefined), length: end + 1 };
};

type CompleteMessage = { readonly message: RawMessage; readonly length: number };

/**
 * A minimal client: sends any message as given and keeps all messages that it receives. Each of them, and each request that
 * the server accepted, must match the JSON schema.
 */
export class RawClient {
  readonly server: ChildProcess & { stdin: Writable; stdout: Readable; stderr: Readable };
  /** Every message received so far, in order. */
  readonly messages: RawMessage[] = [];
  /** Bytes on stdout that belong to no frame; must stay empty. */
  strayBytes = '';
  stderr = '';
  readonly #framing: RawFraming;
  /** Resolves with the exit code, or the signal, of the server. */
  readonly ended: Promise<number | NodeJS.Signals>;

  /** Bytes that are not a whole message yet. */
  #chunks: Buffer[] = [];
  /** The least number of bytes until there is one. */
  #missingBytes = 0;
  readonly #wireCheck: WireCheck | undefined;
  #wake: Array<() => void> = [];
  #closed = false;
  /** True if the server accepts chunks as bytes. */
  #binary = false;
  #nextId = 1;

  constructor({
    env = process.env,
    cwd,
    argv = [process.execPath, programPath, '--stdio'],
    framing = 'contentLength',
    checkSchema = true,
  }: RawOptions = {}) {
    this.#framing = framing;
    this.#wireCheck = checkSchema ? new WireCheck() : undefined;
    this.server = spawn(argv[0], argv.slice(1), { env, cwd, stdio: 'pipe' });
    this.server.stdout.on('data', (chunk: Buffer) => this.#received(chunk));
    this.server.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk;
    });
    this.server.stdin.on('error', () => {});
    this.ended = once(this.server, 'close').then(([code, signal]) => {
      this.#closed = true;
      this.strayBytes += Buffer.concat(this.#chunks).toString('latin1');
      this.#notify();
      return signal ?? code;
    });
  }

  /** Spawns a server and completes `initialize` and `initialized`. */
  static async open(options: RawOptions = {}): Promise<RawClient> {
    const client = new RawClient(options);
    const { binaryFrames } = await client.request('initialize', {
      clientName: 'raw',
      binaryFrames: options.framing === 'binary',
      retainedMs: options.retainedMs,
    });
    client.#binary = binaryFrames;
    client.send({ method: 'initialized' });
    return client;
  }

  sendBytes(bytes: Buffer | string): void {
    this.server.stdin.write(bytes);
  }

  /** Encodes a body in the framing of this client. */
  frame(body: string | Buffer): Buffer {
    return this.#framing === 'newline' ? rawLine(body) : rawFrame(body);
  }

  send(message: object): void {
    this.#wireCheck?.sent(message);
    const binary = this.#binary ? rawBinaryFrame(message) : undefined;
    this.sendBytes(binary ?? this.frame(JSON.stringify(message)));
  }

  /** Sends a request and returns its response, a result or an error. */
  async ask(method: string, params?: unknown): Promise<RawMessage> {
    const id = this.#nextId++;
    this.send({ jsonrpc: '2.0', id, method, params });
    return this.waitFor(
      `the answer to ${method}`,
      message => message.id === id && message.method === undefined,
    );
  }

  /** Sends a request and returns its result; rejects with an error response. */
  // biome-ignore lint/suspicious/noExplicitAny: tests inspect any message
  async request(method: string, params?: unknown): Promise<any> {
    const { result, error } = await this.ask(method, params);
    if (error !== undefined) throw Object.assign(new Error(error.message), { answer: error });
    return result;
  }

  /** Waits for the first message, received already or later, for which `matches` is true. */
  async waitFor(what: string, matches: (message: RawMessage) => boolean): Promise<RawMessage> {
    for (let from = 0; ; ) {
      const found = this.messages.slice(from).find(matches);
      if (found !== undefined) return found;
      if (this.#closed) throw new Error(`the server ended without ${what}; stderr: ${this.stderr}`);
      from = this.messages.length;
      await new Promise<void>(resolve => this.#wake.push(resolve));
    }
  }

  /** Waits for `process/closed` of a process and collects all notifications about it. */
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

  /** Ends the server's stdin and waits until the server exits. */
  async close(): Promise<number | NodeJS.Signals> {
    this.server.stdin.end();
    return this.ended;
  }

  #received(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#missingBytes -= chunk.length;
    if (this.#missingBytes > 0) return;
    const first = this.#framing === 'newline' ? firstLine : firstFrame;
    let rest = Buffer.concat(this.#chunks);
    for (let found = first(rest); ; found = first(rest)) {
      if (typeof found === 'number') {
        this.#missingBytes = found;
        break;
      }
      rest = rest.subarray(found.length);
      this.messages.push(found.message);
      const problem = this.#wireCheck?.received(asJson(found.message));
      if (problem !== undefined) throw new Error(`a message does not match the schema: ${problem}`);
    }
    this.#chunks = [rest];
    this.#notify();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}
