import { setTimeout as delay } from 'node:timers/promises';
import { ackFrame } from '../../protocol/link/ack-frame.ts';
import { Link } from '../../protocol/link/link.ts';
import { deadline, settledWithin } from '../../system/deadline.ts';
import { ConnectionLostError, connectionFailed, describeEnd, RequestError } from '../errors.ts';
import type { LikelyCauseKind } from '../likely-cause.ts';
import { StartUpOutputRecord } from '../start-up-output.ts';
import type { Transport, TransportEnd } from '../transport.ts';
import { resumeHandshake } from './handshake.ts';

/** A change of the connection of a session. */
export type SessionEvent =
  | {
      readonly type: 'reconnecting';
      readonly attempt: number;
      readonly delayMs: number;
      readonly reason: string;
    }
  | { readonly type: 'resumed' }
  | { readonly type: 'lost'; readonly reason: string };

/** The state of a connection to a session. */
export type SessionState = 'connected' | 'reconnecting' | 'lost';

/** The session to resume, and the way to it. */
export type ResumingOptions = {
  readonly clientName: string;
  readonly clientId: string;
  readonly session: { readonly id: string; readonly keepMs: number; readonly replayBytes: number };
  /** Bytes that the first pipe has carried. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** The first pipe. */
  readonly transport: Pick<Transport, 'input' | 'output' | 'close' | 'abort' | 'hangUp'> & {
    readonly ended: Promise<TransportEnd | undefined>;
  };
  /** Opens another one. */
  readonly reopen: (aborted: AbortSignal) => Promise<Transport>;
  readonly sendPing: () => void;
  readonly onEvent: (event: SessionEvent) => void;
};

/** Delays before the attempts to reconnect, in milliseconds; the last one is repeated. */
const DELAYS_MS = [0, 1000, 2000, 5000, 10_000, 15_000];

/** Time without a byte after which the server is asked for one, in milliseconds. */
const PING_MS = 5000;

/** Time without a byte after which the connection is taken for lost, in milliseconds. */
const SILENT_MS = 3 * PING_MS;

/** Time for an answer to the request for the session, in milliseconds. */
const HANDSHAKE_MS = 30_000;

/** Time for the program of a pipe that has ended to end, for the reason, in milliseconds. */
const PROGRAM_END_MS = 250;

/** Time to open a connection, without the handshake, in milliseconds. */
const OPEN_MS = 60_000;

/**
 * Failures that another attempt does not change. A host that is unknown is not among them: its name was known when the session
 * began, and without a network no name is.
 */
const PERMANENT: ReadonlyArray<LikelyCauseKind | undefined> = [
  'programMissing',
  'hostKeyChanged',
  'hostKeyUnknown',
  'authentication',
  'noContainer',
];

/** The client's side of a session that outlives its connection: reconnects, and continues where it was. */
export class Resuming {
  readonly link: Link;
  readonly #options: ResumingOptions;
  readonly #closing = new AbortController();
  readonly #pings: NodeJS.Timeout;
  #transport: ResumingOptions['transport'];
  #state: SessionState = 'connected';
  #reason: string | undefined;
  /** The reason why this side has left the pipe. */
  #leftBecause: string | undefined;

  constructor(options: ResumingOptions) {
    const { session, receivedBytes, sentBytes, transport } = options;
    this.#options = options;
    this.#transport = transport;
    this.link = new Link({
      receivedBytes,
      sentBytes,
      replayBytes: session.replayBytes,
      onDetached: () => void this.#reconnect(),
      ackFrame,
    });
    this.#pings = setInterval(() => this.#checkSilence(), PING_MS / 2).unref();
  }

  get state(): SessionState {
    return this.#state;
  }

  /** The reason why the session was lost. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** The end of the program of the current pipe. */
  get ended(): Promise<TransportEnd | undefined> {
    return this.#transport.ended;
  }

  /** Continues on the first pipe, from where it is. */
  attachFirst(): void {
    this.link.attach(this.#transport, this.#options.sentBytes);
  }

  /** Leaves the pipe, and opens another one. No effect while there is none. */
  reconnect(reason: string): void {
    if (!this.link.isAttached) return;
    this.#leftBecause = reason;
    this.#transport.hangUp();
  }

  /** Ends the pipe, and all attempts to open another one. Idempotent. */
  async close(): Promise<void> {
    this.#stop();
    await this.#transport.close();
  }

  /** The same, without waiting for the server. */
  async abort(): Promise<void> {
    this.#stop();
    await this.#transport.abort();
  }

  #stop(): void {
    clearInterval(this.#pings);
    this.#closing.abort();
    this.link.detach();
    this.link.endInput();
    // A program whose output is not read to its end does not end.
    this.#transport.input.resume();
  }

  #checkSilence(): void {
    if (!this.link.isAttached) return;
    if (this.link.silentMs > SILENT_MS) this.reconnect(`no byte for ${SILENT_MS / 1000} s`);
    else if (this.link.silentMs > PING_MS) this.#options.sendPing();
  }

  async #reconnect(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#state = 'reconnecting';
    const { keepMs } = this.#options.session;
    const limit = deadline(keepMs);
    let reason = await this.#endOfPipe();
    this.#transport.hangUp();
    if (this.#closing.signal.aborted) return;
    for (let attempt = 0; !limit.passed; attempt += 1) {
      const delayMs = DELAYS_MS[Math.min(attempt, DELAYS_MS.length - 1)] ?? 0;
      this.#options.onEvent({ type: 'reconnecting', attempt: attempt + 1, delayMs, reason });
      try {
        await delay(Math.min(delayMs, limit.remainingMs), undefined, { signal: this.#closing.signal });
        if (await this.#attempt()) return;
        reason = 'the new connection ended before an answer';
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        reason = oneLine((error as Error).message);
        if (isPermanent(error)) return this.#lose(reason);
      }
    }
    this.#lose(`no connection within ${keepMs / 1000} s; the last attempt: ${reason}`);
  }

  /** Reason for which the pipe has ended. */
  async #endOfPipe(): Promise<string> {
    const reason = this.#leftBecause;
    this.#leftBecause = undefined;
    if (reason !== undefined) return reason;
    const { ended } = this.#transport;
    const end = (await settledWithin(ended, PROGRAM_END_MS)) === 'settled' ? await ended : undefined;
    return end === undefined ? 'the connection ended' : oneLine(describeEnd(end));
  }

  /** Returns true if the session continues. */
  async #attempt(): Promise<boolean> {
    const { clientName, clientId, session, reopen, onEvent } = this.#options;
    const { signal } = this.#closing;
    const transport = await reopen(AbortSignal.any([signal, AbortSignal.timeout(OPEN_MS)]));
    const abort = () => transport.hangUp();
    const timer = setTimeout(abort, HANDSHAKE_MS);
    signal.addEventListener('abort', abort, { once: true });
    try {
      const resume = { sessionId: session.id, receivedBytes: this.link.receivedBytes, clientId };
      const serverHas = await resumeHandshake(transport, { clientName, ...resume });
      if (serverHas === undefined && !signal.aborted) await assertNotEnded(transport);
      if (serverHas === undefined || signal.aborted) {
        abort();
        return false;
      }
      if (!this.link.canContinueFrom(serverHas))
        throw new ConnectionLostError('bytes for the server are lost');
      this.#transport = transport;
      this.#state = 'connected';
      this.link.attach(transport, serverHas);
      onEvent({ type: 'resumed' });
      return true;
    } catch (error) {
      abort();
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
  }

  #lose(reason: string): void {
    this.#state = 'lost';
    this.#reason = reason;
    this.#options.onEvent({ type: 'lost', reason });
    this.#stop();
  }
}

/** Joins the lines of a message: the reason, and the lines of a program on stderr. */
const oneLine = (message: string): string => message.split(/\n\s*/).join('; ');

/** @throws {ConnectionLostError} with the likely cause, if the program has ended by itself */
const assertNotEnded = async ({ ended }: Transport): Promise<void> => {
  if ((await settledWithin(ended, PROGRAM_END_MS)) !== 'settled') return;
  const transport = await ended;
  const { program } = transport;
  const startUpOutput = new StartUpOutputRecord();
  throw connectionFailed({ label: program, argv: [program], reason: undefined, startUpOutput, transport });
};

const isPermanent = (error: unknown): boolean =>
  error instanceof RequestError ||
  (error instanceof ConnectionLostError &&
    (error.likelyCause === undefined ? false : PERMANENT.includes(error.likelyCause.kind)));
