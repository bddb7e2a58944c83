import { once } from 'node:events';
import { createServer as createHttpServer, request } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A proxy on loopback. It alone resolves host names: all lead to the origin. */
export type NetworkProxy = {
  readonly url: string;
  /** The hosts that were requested through it, in order. */
  readonly hosts: string[];
  /** The local ports of its connections to the origin. */
  readonly ports: Set<number | undefined>;
  close(): Promise<void>;
};

/** A web server on loopback that answers each path with a text, by host and path. */
export type Origin = {
  readonly port: number;
  /** The remote ports of all requests. */
  readonly clients: Array<number | undefined>;
  close(): Promise<void>;
};

/** Starts an origin; other paths are answered with 404. */
export const startOrigin = async (answers: Readonly<Record<string, string>>): Promise<Origin> => {
  const clients: Array<number | undefined> = [];
  const server = createHttpServer(({ socket, url = '' }, response) => {
    clients.push(socket.remotePort);
    const answer = answers[url.replace(/\?.*/, '')];
    response.writeHead(answer === undefined ? 404 : 200, { connection: 'close' }).end(answer);
  });
  return { port: await listen(server), clients, close: () => closed(server) };
};

/** Starts a proxy for HTTP, which also makes tunnels for CONNECT. */
export const startHttpProxy = async (origin: Origin): Promise<NetworkProxy> => {
  const { hosts, ports, dial } = dialer(origin);
  const server = createHttpServer((incoming, response) => {
    const { hostname, pathname, search } = new URL(incoming.url ?? '');
    hosts.push(hostname);
    const outgoing = request(
      { createConnection: () => dial(), path: `${pathname}${search}`, method: incoming.method ?? 'GET' },
      answer => answer.pipe(response.writeHead(answer.statusCode ?? 502)),
    );
    incoming.pipe(outgoing);
  });
  server.on('connect', ({ url = '' }, client) => {
    hosts.push(url.replace(/:\d+$/, ''));
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    join(client, dial());
  });
  const port = await listen(server);
  return { url: `http://127.0.0.1:${port}`, hosts, ports, close: () => closed(server) };
};

/** Starts a proxy for SOCKS 5 that accepts host names only, not addresses. */
export const startSocksProxy = async (origin: Origin): Promise<NetworkProxy> => {
  const { hosts, ports, dial } = dialer(origin);
  const open = new Set<Socket>();
  const server = createServer(client => {
    open.add(client);
    void accept(client).then(
      host => {
        hosts.push(host);
        // The address is not used by clients.
        client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
        join(client, dial());
      },
      () => client.destroy(),
    );
  });
  const port = await listen(server);
  const close = async () => {
    for (const client of open) client.destroy();
    await closed(server);
  };
  return { url: `socks5://127.0.0.1:${port}`, hosts, ports, close };
};

/** Receives the two messages with which a SOCKS client begins; returns the host. */
const accept = async (client: Socket): Promise<string> => {
  const [, methods = 0] = await take(client, 2);
  await take(client, methods);
  client.write(Buffer.from([5, 0]));
  const [, , , kind, length = 0] = await take(client, 5);
  const name = await take(client, length);
  await take(client, 2);
  if (kind !== 3) throw new Error('expected a host name, received an address');
  return name.toString();
};

const take = async (stream: Socket, count: number): Promise<Buffer> => {
  for (;;) {
    const bytes = count === 0 ? Buffer.alloc(0) : (stream.read(count) as Buffer | null);
    if (bytes !== null) return bytes;
    await once(stream, 'readable');
  }
};

const dialer = ({ port }: Origin) => {
  const hosts: string[] = [];
  const ports = new Set<number | undefined>();
  const dial = (): Socket => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => ports.add(socket.localPort));
    socket.on('error', () => {});
    return socket;
  };
  return { hosts, ports, dial };
};

const join = (client: Duplex, origin: Socket): void => {
  client.on('error', () => origin.destroy());
  client.pipe(origin);
  origin.pipe(client);
};

const listen = async (server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};

const closed = async (server: Server & { closeAllConnections?(): void }): Promise<void> => {
  server.close();
  server.closeAllConnections?.();
  await once(server, 'close');
};
