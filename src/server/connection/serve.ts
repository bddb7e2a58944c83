import type { Readable, Writable } from 'node:stream';
import type { Message } from 'vscode-jsonrpc/node';
import type { ExecServerError } from '../../protocol/errors.ts';
import type { Framing } from '../../protocol/framing/decoder.ts';
import type { MessageId } from '../../protocol/framing/message-parser.ts';
import { FrameMessageReader } from '../../protocol/framing/message-reader.ts';
import { FrameMessageWriter } from '../../protocol/framing/message-writer.ts';
import { MAX_FRAME_BYTES } from '../../protocol/limits.ts';
import { clientNotifications, requests } from '../../protocol/messages.ts';
import { type Envelope, Peer } from '../../protocol/rpc/peer.ts';
import { settledWithin } from '../../system/deadline.ts';
import { deferred } from '../../system/deferred.ts';
import type { KeptSession } from '../keeping/kept-session.ts';
import { RequestMemory } from '../memory/request-memory.ts';
import type { Handlers } from '../session/handlers.ts';
import { createSession, type SessionOptions } from '../session/session.ts';
import { createBatchHandler } from './batches.ts';
import { observedDispatch, tracedLog } from './calls.ts';
import { describeInternal } from './describe-internal.ts';
import { createDispatch } from './dispatch.ts';
import { Handshake } from './handshake.ts';
import { initialize, type KeepContext } from './initialize.ts';
import { FLUSH_MS, MAX_BATCH_ANSWER_BYTES, STOP_MS } from './limits.ts';
import { Outbound } from './outbound.ts';

/** Options of a server: a pipe in each direction, the host that it runs on, and its limits. */
export type ServeOptions = Omit<SessionOptions, 'id' | 'outlet'> & {
  readonly input: Readable;
  readonly output: Writable;
  /** True to log each answered request, with its time. */
  readonly logCalls?: boolean | undefined;
  /** An `initialize` that was answered before this call; further messages are on `input`. */
  readonly answered?: AnsweredInitialize | undefined;
  /** True if a session may outlive its connection: this process does nothing else. Default: false. */
  readonly mayKeep?: boolean | undefined;
  /** Time for this process to exit after the connection, in milliseconds. Default: it need not exit. */
  readonly exitWithinMs?: number | undefined;
};

/** An `initialize` that was answered before the server was loaded. */
export type AnsweredInitialize = {
  readonly message: Envelope;
  readonly params: object;
  readonly framing: Framing;
  readonly sessionId: string;
};

/** A server that serves one connection. */
export type Server = {
  /** Resolves with the reason when the connection is closed and nothing that was started is left. */
  readonly closed: Promise<string>;
  /** Ends processes, sends what is queued, closes. Takes a few seconds at most. Idempotent. */
  stop(reason: string): Promise<void>;
  /** Handles SIGHUP, which may come with the end of a login: stops, unless the session is to be kept. */
  hangUp(reason: string): void;
};

/** Serves one connection until its input ends, its output breaks or `stop` is called. */
export const serve = (options: ServeOptions): Server => {
  const { input, output, host, answered, exitWithinMs, maxFrameBytes = MAX_FRAME_BYTES } = options;
  const log = tracedLog(options.log);
  const writer = new FrameMessageWriter(output);
  const session = createSession({ ...options, log, id: answered?.sessionId, outlet: new Outbound(writer) });
  const handshake = new Handshake();
  const requestMemory = new RequestMemory(session.budget, maxFrameBytes, writer, () => reader.proceed());
  let kept: KeptSession | undefined;
  const keeping: KeepContext = {
    pipe: { input, output },
    mayKeep: options.mayKeep ?? false,
    env: host.env,
    log,
    reader: () => reader,
    writer,
    kept: session => {
      kept = session;
    },
    stop: reason => void stop(reason),
  };
  const handlers: Handlers = {
    ...session.handlers,
    initialize: params => initialize(params, session, handshake, keeping),
    // The messages of a session that is kept are handled by its link.
    'session/ping': () => ({}),
    shutdown: () => {
      // After the answer.
      setImmediate(stop, 'the client has ended the session');
      return {};
    },
  };
  const dispatch = observedDispatch(
    createDispatch(
      handlers,
      handshake,
      error => log(`internal error: ${describeInternal(error)}`),
      requestMemory,
    ),
    options.logCalls ? log : undefined,
  );
  const onNotification = (method: string) => {
    if (method === clientNotifications.initialized.method) {
      handshake.initialized();
      session.prepare();
    }
  };
  const errorAnswer = (error: ExecServerError, id: MessageId) => errorMessage(error, id ?? unknownId(writer));
  const onBatch = createBatchHandler({
    dispatch,
    onNotification,
    errorAnswer,
    send: json => writer.writeBody(json),
    maxBytes: Math.min(maxFrameBytes, MAX_BATCH_ANSWER_BYTES),
    requestMemory,
    answerMemory: session.budget.share('parts'),
  });
  const reader: FrameMessageReader = new FrameMessageReader(
    input,
    {
      refused: (error, id) => void writer.write(errorAnswer(error, id)),
      lost: reason => log(`cannot read from the connection any more: ${reason}`),
      batch: (batch, onStarted) => void onBatch(batch, onStarted),
    },
    {
      maxFrameBytes,
      gate: requestMemory,
      onDetected: framing => {
        writer.format = { framing, binary: writer.format.binary && framing === 'contentLength' };
      },
    },
  );
  const peer = new Peer(reader, writer, {
    onRequest: dispatch,
    onNotification,
    onError: error => log(`connection error: ${error.message}`),
    onClose: () => void stop('the connection was closed'),
  });

  const closed = deferred<string>();
  let stopping: Promise<void> | undefined;
  const end = async (reason: string): Promise<void> => {
    kept?.close(reason);
    await settledWithin(session.stop(exitWithinMs), STOP_MS);
    await settledWithin(writer.flushed(), FLUSH_MS);
    writer.end();
    peer.dispose();
    closed.resolve(reason);
  };
  const stop = (reason: string): Promise<void> => {
    stopping ??= end(reason);
    return stopping;
  };
  if (answered !== undefined) {
    writer.format = { framing: answered.framing, binary: false };
    void dispatch(requests.initialize.method, answered.params, answered.message);
  }
  peer.listen();
  return {
    closed: closed.promise,
    stop,
    hangUp: reason => {
      if (kept === undefined) void stop(reason);
      else kept.hangUp();
    },
  };
};

const errorMessage = (error: ExecServerError, id: MessageId): Message =>
  ({ jsonrpc: '2.0', id, error: { code: error.code, message: error.message, data: error.data } }) as Message;

/** The id of an answer to a message without a readable id. Clients that send lines expect a number. */
const unknownId = ({ format }: FrameMessageWriter): MessageId => (format.framing === 'newline' ? -1 : null);
