import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import { resumeUnavailable, unsupported } from '../../protocol/errors.ts';
import { BufferPool } from '../../protocol/framing/buffer-pool.ts';
import type { FrameMessageReader } from '../../protocol/framing/message-reader.ts';
import type { FrameMessageWriter } from '../../protocol/framing/message-writer.ts';
import type { Pipe } from '../../protocol/link/link.ts';
import type { Requests } from '../../protocol/messages.ts';
import type { KeptSession } from '../keeping/kept-session.ts';
import type { Session } from '../session/session.ts';
import type { Handshake } from './handshake.ts';

/** The connection, for a session that outlives it. */
export type KeepContext = {
  readonly pipe: Pipe;
  readonly mayKeep: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
  reader(): FrameMessageReader;
  readonly writer: FrameMessageWriter;
  /** Receives the session. */
  readonly kept: (session: KeptSession) => void;
  readonly stop: (reason: string) => void;
};

type Params = ParamsOut<Requests['initialize']>;
type Result = ResultIn<Requests['initialize']>;

/** Answers `initialize`: a new session, one that outlives its connection, or one of another process. */
export const initialize = async (
  params: Params,
  session: Session,
  handshake: Handshake,
  context: KeepContext,
): Promise<Result> => {
  if (params.resumeSessionId !== undefined) throw resumeUnavailable();
  if (params.resume !== undefined) return join(params, context);
  handshake.initialize();
  const { writer } = context;
  const binary = params.binaryFrames && writer.format.framing === 'contentLength';
  writer.format = { ...writer.format, binary };
  const answer = () => session.initialize(params, binary);
  const result = answer();
  return params.session === undefined
    ? result
    : { ...result, ...(await keep(params.session, answer, session, context)) };
};

/** Blocks of memory that a kept session uses again: those of a flood that the client has not acknowledged. */
const KEPT_BLOCKS = 16;

/** Moves the connection to a link, which outlives it. */
const keep = async (
  { keepMs, clientId }: NonNullable<Params['session']>,
  answer: () => Result,
  { budget, connectionVariables }: Session,
  { pipe, mayKeep, env, log, reader, writer, kept, stop }: KeepContext,
): Promise<Pick<Result, 'session' | 'sessionUnavailable'>> => {
  if (!mayKeep) return { sessionUnavailable: 'this server is part of another program' };
  if (process.platform === 'win32') return { sessionUnavailable: 'not supported on Windows' };
  if (writer.format.framing !== 'contentLength')
    return { sessionUnavailable: 'needs frames with Content-Length' };
  // The bytes that arrive until the link is there are for the link, and not counted yet.
  reader().release();
  try {
    const { KeptSession } = await import('../keeping/kept-session.ts');
    const pool = new BufferPool(KEPT_BLOCKS);
    const session = await KeptSession.start({
      keepMs,
      clientId,
      pipe,
      receivedBytes: reader().receivedBytes,
      sentBytes: writer.sentBytes,
      env,
      log,
      pool,
      budget,
      answer,
      resumed: variables => connectionVariables.update(variables),
      expire: () => stop('the session was not resumed in time'),
    });
    kept(session);
    reader().moveTo(session.link.input, body => session.takesAhead(body));
    writer.moveTo(session.link.output, pool);
    session.attachFirst();
    return { session: session.info };
  } catch (error) {
    reader().moveTo(pipe.input);
    return { sessionUnavailable: (error as Error).message };
  }
};

/** Connects the client to a session of another process. After the answer, this process only passes bytes on. */
const join = async (params: Params, { env, pipe, reader, writer, stop }: KeepContext): Promise<Result> => {
  if (writer.format.framing !== 'contentLength')
    throw unsupported('resume', 'needs frames with Content-Length');
  const { joinSession } = await import('../keeping/join-session.ts');
  const { result, socket } = await joinSession(params, env);
  reader().release();
  setImmediate(async () => {
    await writer.flushed();
    await passOn(pipe, socket);
    stop('the connection of the session has ended');
  });
  return result;
};

/** Passes on both directions until one of them ends. */
const passOn = async ({ input, output }: Pipe, socket: Socket): Promise<void> => {
  const directions = [pipeline(input, socket), pipeline(socket, output)];
  await Promise.race(directions.map(direction => direction.catch(() => {})));
  socket.destroy();
};
