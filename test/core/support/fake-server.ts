import { PassThrough } from 'node:stream';
import type { ClientStreams } from '../../../src/core/client-connection.ts';
import { openClient } from '../../../src/core/open-client.ts';
import { FrameDecoder } from '../../../src/protocol/framing/frame-decoder.ts';
import type { Env } from '../../../src/shared-config/index.ts';
import { type RawMessage, rawFrame } from '../../e2e/support/raw-client.ts';

/** Two streams in memory, for a client and a server. */
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

/** A server whose messages a test sends. It answers `initialize` and every start. */
export class FakeServer {
  /** Messages that are sent for a request, by method. */
  readonly answers = new Map<string, (request: RawMessage) => object[]>([
    ['initialize', ({ id }) => [{ id, result: { sessionId: 's', environmentInfo: INFO } }]],
    ['process/start', ({ id, params }) => started(id, params.processId)],
  ]);
  readonly received: RawMessage[] = [];
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

  /** Sends messages in one chunk. */
  send(...messages: object[]): void {
    this.#toClient.write(Buffer.concat(messages.map(message => rawFrame(JSON.stringify(message)))));
  }

  end(): void {
    this.#toClient.end();
  }

  #hear(message: RawMessage): void {
    this.received.push(message);
    this.send(...(this.answers.get(message.method ?? '')?.(message) ?? []));
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

/** A client and a fake server; `prepare` is called before the first request. */
export const connectFake = async (
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
