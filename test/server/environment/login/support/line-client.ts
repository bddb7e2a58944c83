import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { type ServeOptions, type Server, serve } from '../../../../../src/server/index.ts';

type Message = {
  readonly id?: number;
  readonly method?: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  readonly params?: any;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  readonly result?: any;
  readonly error?: { readonly message: string; readonly data: Readonly<Record<string, unknown>> };
};

/** A server in this process, and a client of lines. */
export class LineClient {
  readonly server: Server;
  readonly log: string[] = [];
  readonly messages: Message[] = [];
  readonly #input = new PassThrough();
  readonly #wake: Array<() => void> = [];
  #nextId = 1;

  constructor(options: Omit<ServeOptions, 'input' | 'output' | 'log'>) {
    const output = new PassThrough();
    this.server = serve({ ...options, input: this.#input, output, log: line => this.log.push(line) });
    createInterface(output).on('line', line => {
      this.messages.push(JSON.parse(line));
      for (const wake of this.#wake.splice(0)) wake();
    });
    void this.ask('initialize', { clientName: 'lines' });
    this.#send({ method: 'initialized' });
  }

  /** Sends a request now; resolves with its answer, be that a result or an error. */
  async ask(method: string, params: object): Promise<Message> {
    const id = this.#nextId++;
    this.#send({ id, method, params });
    return this.waitFor(message => message.id === id);
  }

  /** Waits for the first message, past or to come, that fits. */
  async waitFor(fits: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const found = this.messages.find(fits);
      if (found !== undefined) return found;
      await new Promise<void>(resolve => this.#wake.push(resolve));
    }
  }

  /** What a process writes, when it is closed. */
  async output(processId: string): Promise<string> {
    await this.waitFor(({ method, params }) => method === 'process/closed' && params.processId === processId);
    return this.messages
      .filter(({ method, params }) => method === 'process/output' && params.processId === processId)
      .map(({ params }) => Buffer.from(params.chunk, 'base64').toString())
      .join('');
  }

  /** Ends the connection from this side. */
  end(): void {
    this.#input.end();
  }

  #send(message: object): void {
    this.#input.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }
}
