import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import { ExecServerError, invalidMessage, replayLost, sessionTaken } from '../../protocol/errors.ts';
import type { BufferPool } from '../../protocol/framing/buffer-pool.ts';
import { encodeFrame, encodeText } from '../../protocol/framing/encode.ts';
import { ackFrame } from '../../protocol/link/ack-frame.ts';
import { Link, type Pipe } from '../../protocol/link/link.ts';
import { type Requests, requests } from '../../protocol/messages.ts';
import { parse } from '../../protocol/parse.ts';
import { sessionAck, sessionPing } from '../../protocol/session.ts';
import { startTimer, type Timer } from '../../system/deadline.ts';
import { parseConnectionVariables } from '../environment/connection-variables.ts';
import type { MemoryBudget } from '../memory/memory-budget.ts';
import { firstMessage, parsed } from './first-message.ts';
import {
  IDLE_CHECK_MS,
  JOIN_MS,
  MAX_CLIENTS,
  MAX_JOINING,
  MAX_KEEP_MS,
  MAX_LINK_MESSAGE_BYTES,
  REPLAY_BYTES,
  SILENT_MS,
} from './limits.ts';
import { SessionFiles } from './session-files.ts';

/** The connection of a session that is to be kept. */
export type KeptConnection = {
  readonly keepMs: number;
  readonly clientId: string | undefined;
  /** The pipe of the first connection, and the bytes that it has carried. */
  readonly pipe: Pipe;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Memory of frames, from the replay. */
  readonly pool: BufferPool;
  /** Memory of the session. */
  readonly budget: MemoryBudget;
  readonly env: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
  /** The answer to `initialize`, for a connection that resumes the session. */
  readonly answer: () => ResultIn<Requests['initialize']>;
  /** Receives the variables of a connection that resumes the session, of which each name is allowed. */
  readonly resumed: (variables: Readonly<Record<string, string>>) => void;
  /** Ends the session, which was not resumed in time. */
  readonly expire: () => void;
};

/** Message of a process that joins a session: `initialize` of its client, and the variables of its connection. */
type JoinMessage = { readonly id?: unknown; readonly params?: unknown; readonly variables?: unknown };

type Resume = NonNullable<ParamsOut<Requests['initialize']>['resume']>;

/** A session that outlives its connection: it waits for another one at a socket. */
export class KeptSession {
  readonly info: NonNullable<ResultIn<Requests['initialize']>['session']>;
  readonly link: Link;
  readonly #connection: KeptConnection;
  readonly #files: SessionFiles;
  readonly #server: Server;
  readonly #replaced: string[] = [];
  #clientId: string | undefined;
  #pipe: Pipe;
  #expiry: Timer | undefined;
  #idleCheck: NodeJS.Timeout | undefined;
  #joining = 0;

  /**
   * Starts to wait for connections. The first one continues.
   *
   * @throws {Error} if there is no place for the socket
   */
  static async start(connection: KeptConnection): Promise<KeptSession> {
    const session = new KeptSession(connection);
    try {
      await session.#listen();
    } catch (error) {
      session.#files.forget(session.info.id);
      connection.budget.share('replay').release(REPLAY_BYTES);
      throw error;
    }
    void session.#files.removeStale();
    return session;
  }

  private constructor(connection: KeptConnection) {
    const { keepMs, clientId, receivedBytes, sentBytes, budget } = connection;
    this.info = {
      id: randomBytes(16).toString('hex'),
      keepMs: Math.min(keepMs, MAX_KEEP_MS),
      replayBytes: REPLAY_BYTES,
    };
    this.#connection = connection;
    this.#clientId = clientId;
    this.#files = new SessionFiles(connection.env);
    this.#pipe = connection.pipe;
    this.link = new Link({
      receivedBytes,
      sentBytes,
      replayBytes: REPLAY_BYTES,
      onDetached: () => this.#lost(),
      release: chunk => connection.pool.release(chunk),
      ackFrame,
    });
    budget.share('replay').take(REPLAY_BYTES);
    this.#server = createServer(socket => void this.#join(socket));
  }

  /** Continues on the first connection, from where it is. */
  attachFirst(): void {
    this.link.attach(this.#pipe, this.#connection.sentBytes);
  }

  /**
   * Handles an acknowledgement or a ping, ahead of the messages that wait: they may wait for the room that it makes.
   *
   * @returns false for any other message
   */
  takesAhead(body: Buffer): boolean {
    if (body.length > MAX_LINK_MESSAGE_BYTES || !body.includes(LINK_METHODS)) return false;
    const { id, method, params } = (parsed(body) ?? {}) as {
      id?: unknown;
      method?: unknown;
      params?: unknown;
    };
    if (method === sessionAck.method) {
      const bytes = (params as { bytes?: unknown } | undefined)?.bytes;
      if (!Number.isSafeInteger(bytes)) return false;
      this.link.acknowledged(bytes as number);
      return true;
    }
    if (method !== sessionPing.method || id === undefined) return false;
    this.#pinged();
    this.link.sendAhead(encodeText(JSON.stringify({ jsonrpc: '2.0', id, result: {} }), 'contentLength'));
    return true;
  }

  /** Handles the end of the login that began with the first connection: that connection is lost, and no later one. */
  hangUp(): void {
    if (this.#pipe === this.#connection.pipe) this.#leave();
  }

  /** Ends the wait for connections, and removes the socket. */
  close(reason: string): void {
    this.#expiry?.cancel();
    clearInterval(this.#idleCheck);
    this.#server.close();
    this.#files.remove(this.info.id, reason);
  }

  async #listen(): Promise<void> {
    this.#files.describe(this.info.id);
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(this.#files.socketOf(this.info.id), resolve);
    });
    this.#server.on('error', error =>
      this.#connection.log(`the socket of the session failed: ${error.message}`),
    );
  }

  /** From the first ping on, silence means that the connection is lost. */
  #pinged(): void {
    this.#idleCheck ??= setInterval(() => {
      if (this.link.silentMs > SILENT_MS) this.#leave();
    }, IDLE_CHECK_MS).unref();
  }

  /** Takes the connection for lost. */
  #leave(): void {
    if (!this.link.isAttached) return;
    this.link.detach();
    this.#lost();
  }

  #lost(): void {
    clearInterval(this.#idleCheck);
    this.#idleCheck = undefined;
    closePipe(this.#pipe);
    this.#connection.log(
      `the connection was lost; the session waits ${this.info.keepMs / 1000} s for another one`,
    );
    this.#expiry ??= startTimer(this.info.keepMs, this.#connection.expire);
  }

  async #join(socket: Socket): Promise<void> {
    socket.on('error', () => {});
    if (this.#joining >= MAX_JOINING) {
      socket.destroy();
      return;
    }
    this.#joining += 1;
    const timer = startTimer(JOIN_MS, () => socket.destroy());
    const message = await firstMessage(socket);
    timer.cancel();
    this.#joining -= 1;
    if (message === undefined) socket.destroy();
    else this.#answer(socket, message as JoinMessage);
  }

  #answer(socket: Socket, { id, params, variables }: JoinMessage): void {
    const send = (answer: object) =>
      socket.write(
        encodeFrame(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, ...answer })), 'contentLength'),
      );
    try {
      const resume = this.#checked(params);
      const receivedBytes = this.link.receivedBytes;
      // The other connection may be half dead. Its end comes first, so that what it has sent is counted.
      const result = { ...this.#connection.answer(), session: this.info, resumed: true, receivedBytes };
      send({ result });
      this.#connection.resumed(parseConnectionVariables(variables));
      this.#continueOn(socket, resume);
    } catch (error) {
      if (!(error instanceof ExecServerError)) throw error;
      send({ error: { code: error.code, message: error.message, data: error.data } });
      socket.end();
    }
  }

  /** @throws {ExecServerError} */
  #checked(params: unknown): Resume {
    const { resume } = parse(requests.initialize.params, params, 'initialize');
    if (resume?.sessionId !== this.info.id)
      throw invalidMessage('expected initialize with the id of this session');
    const { clientId = '', receivedBytes } = resume;
    if (this.#replaced.includes(clientId)) throw sessionTaken();
    if (!this.link.canContinueFrom(receivedBytes)) throw replayLost(receivedBytes);
    return resume;
  }

  #continueOn(socket: Socket, { clientId = '', receivedBytes }: Resume): void {
    if (this.#clientId !== undefined && this.#clientId !== clientId) {
      this.#replaced.push(this.#clientId);
      if (this.#replaced.length > MAX_CLIENTS) this.#replaced.shift();
    }
    this.#clientId = clientId;
    this.link.detach();
    closePipe(this.#pipe);
    this.#expiry?.cancel();
    this.#expiry = undefined;
    this.#pipe = { input: socket, output: socket };
    this.link.attach(this.#pipe, receivedBytes);
  }
}

/** The beginning of the methods of `takesAhead` in JSON. */
const LINK_METHODS = '"session/';

const closePipe = ({ input, output }: Pipe): void => {
  for (const stream of [input, output]) stream.on('error', () => {}).destroy();
};
