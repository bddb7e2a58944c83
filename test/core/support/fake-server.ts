import { PassThrough } from 'node:stream';
import type { ClientStreams } from '../../../src/core/client-connection.ts';
import { openClient } from '../../../src/core/open-client.ts';
import { FrameDecoder } from '../../../src/protocol/index.ts';
import type { Env } from '../../../src/shared-config/index.ts';
import { type RawMessage, rawFrame } from '../../e2e/support/raw-client.ts';

/** Two streams in memory, and what each end sees of them. */
export const pipes = () => {
  const [toServer, toClient] = [new PassThrough(), new PassThrough()];
  const streams: ClientStreams = {
    input: toClient,
    output: toServer,
    location: 'remote',
    label: 'memory',
    close: async () => void toServer.end(),
  };
  return { toServer, toClient, streams };
};

export const INFO = {
  shell: { name: 'sh', path: '/bin/sh' },
  executorVersion: '0',
  cwd: 'file:///srv',
  platformOs: 'linux',
  temporaryDirectories: [],
  prependPathDirs: [],
  capabilities: {},
};

/** A server that a test speaks for. By itself it opens the connection and starts every process. */
export class FakeServer {
  /** Messages that answer a request, by method, in place of what is sent by itself; none leaves it unanswered. */
  readonly answers = new Map<string, (request: RawMessage) => object[]>([
    ['initialize', ({ id }) => [{ id, result: { sessionId: 's', environmentInfo: INFO } }]],
    ['process/start', ({ id, params }) => started(id, params.processId)],
  ]);
  readonly heard: RawMessage[] = [];
  readonly #toClient: PassThrough;

  constructor(toServer: PassThrough, toClient: PassThrough) {
    this.#toClient = toClient;
    const decoder = new FrameDecoder({
      frame: body => this.#hear(JSON.parse(body.toString())),
      rejected: () => {},
      lost: () => {},
    });
    toServer.on('data', chunk => decoder.push(chunk)).on('end', () => toClient.end());
  }

  /** Sends messages in one piece. */
  say(...messages: object[]): void {
    this.#toClient.write(Buffer.concat(messages.map(message => rawFrame(JSON.stringify(message)))));
  }

  hang(): void {
    this.#toClient.end();
  }

  #hear(message: RawMessage): void {
    this.heard.push(message);
    this.say(...(this.answers.get(message.method ?? '')?.(message) ?? []));
  }
}

const started = (id: RawMessage['id'], processId: string) => [
  {
    id,
    result: { processId, sandboxType: 'none', pid: 1, environment: { kept: 0, removed: 0, set: 0 } },
  },
];

export const output = (processId: string, chunk: Buffer | string, seq = 1, stream = 'stdout') => ({
  method: 'process/output',
  params: { processId, seq, stream, chunk: Buffer.from(chunk as string).toString('base64') },
});

export const exited = (processId: string, exitCode = 0, seq = 2) => ({
  method: 'process/exited',
  params: { processId, seq, exitCode, sandboxDenied: false },
});

export const closed = (processId: string, bytes?: object, seq = 3) => ({
  method: 'process/closed',
  params: { processId, seq, bytes },
});

/** A client, and the server that a test speaks for; `prepare` is called before the first request. */
export const faked = async (
  location: ClientStreams['location'] = 'remote',
  ownEnv: Env = {},
  prepare: (server: FakeServer) => void = () => {},
) => {
  const { toServer, toClient, streams } = pipes();
  const server = new FakeServer(toServer, toClient);
  prepare(server);
  const client = await openClient({ ...streams, location }, ownEnv, { clientName: 'test' });
  return { client, server, toServer, toClient };
};
