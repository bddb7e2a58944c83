import { connect, type Socket } from 'node:net';
import { hostname } from 'node:os';
import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import {
  type ErrorKind,
  ExecServerError,
  errorKinds,
  sessionElsewhere,
  sessionExpired,
  sessionUnknown,
} from '../../protocol/errors.ts';
import { encodeFrame } from '../../protocol/framing/encode.ts';
import type { Requests } from '../../protocol/messages.ts';
import { connectionVariables } from '../environment/connection-variables.ts';
import { firstMessage } from './first-message.ts';
import { SessionFiles } from './session-files.ts';

type InitializeParams = ParamsOut<Requests['initialize']>;

/** A session of another process that continues on this connection. */
export type JoinedSession = {
  readonly result: ResultIn<Requests['initialize']>;
  /** Carries the bytes of both directions after the answer. */
  readonly socket: Socket;
};

/**
 * Connects to a session that waits.
 *
 * @throws {ExecServerError} `sessionUnknown`, `sessionExpired`, `sessionElsewhere`, or the error of the session
 */
export const joinSession = async (
  params: InitializeParams,
  env: Readonly<Record<string, string>>,
): Promise<JoinedSession> => {
  const id = params.resume?.sessionId ?? '';
  const files = filesOf(env);
  const socket = files && (await opened(files.socketOf(id)));
  if (files === undefined || socket === undefined) {
    const reason = reasonOf(id, files);
    await files?.removeStale();
    throw reason;
  }
  const request = {
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params,
    variables: connectionVariables(env),
  };
  socket.write(encodeFrame(Buffer.from(JSON.stringify(request)), 'contentLength'));
  const answer = await firstMessage(socket);
  const { result, error } = (answer ?? {}) as { result?: JoinedSession['result']; error?: SessionError };
  if (result !== undefined) return { result, socket };
  socket.destroy();
  throw error === undefined ? sessionUnknown() : toExecServerError(error);
};

type SessionError = { readonly message: string; readonly data?: Readonly<Record<string, unknown>> };

const filesOf = (env: Readonly<Record<string, string>>): SessionFiles | undefined => {
  try {
    return new SessionFiles(env);
  } catch {
    return undefined;
  }
};

const opened = (path: string): Promise<Socket | undefined> =>
  new Promise(resolve => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.on('error', () => resolve(undefined));
  });

const reasonOf = (id: string, files: SessionFiles | undefined): ExecServerError => {
  const host = files?.hostOf(id);
  if (host !== undefined && host !== hostname()) return sessionElsewhere(host);
  return files?.hasEnded(id) ? sessionExpired() : sessionUnknown();
};

const toExecServerError = ({ message, data = {} }: SessionError): ExecServerError => {
  const { kind } = data;
  return typeof kind === 'string' && Object.hasOwn(errorKinds, kind)
    ? new ExecServerError(kind as ErrorKind, message, data)
    : sessionUnknown();
};
