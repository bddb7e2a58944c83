import { isUtf8 } from 'node:buffer';
import type { Message } from 'vscode-jsonrpc/node';
import { exceedsBytes } from '../../shared-config/byte-limit.ts';
import { type ExecServerError, invalidMessage, limitExceeded, parseError } from '../errors.ts';
import { MAX_BATCH, MAX_ID_BYTES } from '../limits.ts';

/** The id of a request; `null` if it is not known. */
export type MessageId = string | number | null;

/** The error of a body that is not a message, and the id for the answer. */
export class MessageRefused extends Error {
  override readonly name = 'MessageRefused';
  readonly id: MessageId;
  readonly reason: ExecServerError;

  constructor(id: MessageId, reason: ExecServerError) {
    super(reason.message);
    this.id = id;
    this.reason = reason;
  }
}

/** Messages that arrived in one body and are answered in one. An entry that is not a message is its error. */
export type Batch = readonly (Message | MessageRefused)[];

/**
 * Parses a body as one JSON-RPC message or as a batch of messages. `jsonrpc` may be absent. An answer may have the id
 * `null`: the peer could not read the request. Nesting and number of values were checked while the body arrived.
 *
 * @throws {MessageRefused} for a body that is not UTF-8, JSON, a message or a batch of 1 to 128
 */
export const parseMessage = (body: Buffer): Message | Batch => {
  const value = parseJson(body);
  if (!Array.isArray(value)) return toMessage(value);
  if (value.length === 0) throw new MessageRefused(null, invalidMessage('a batch is empty'));
  if (value.length > MAX_BATCH) {
    throw new MessageRefused(null, limitExceeded('batchMessages', value.length, MAX_BATCH));
  }
  return value.map(entry => {
    try {
      return toMessage(entry);
    } catch (error) {
      if (error instanceof MessageRefused) return error;
      throw error;
    }
  });
};

/**
 * Parses a body that is a message on one line and the bytes of its `chunk`, which become part of its params or result.
 *
 * @throws {MessageRefused} for a body without a line feed, a line that is not a message, or a message without params
 *   and result
 */
export const parseChunkMessage = (body: Buffer): Message => {
  const end = body.indexOf('\n');
  if (end < 0)
    throw new MessageRefused(null, invalidMessage('expected a line feed between the message and its chunk'));
  const message = toMessage(parseJson(body.subarray(0, end)));
  const { params, result } = message as { params?: unknown; result?: unknown };
  const container = params ?? result;
  if (typeof container !== 'object' || container === null || Array.isArray(container)) {
    const { id } = message as Candidate;
    throw new MessageRefused(
      isId(id) ? id : null,
      invalidMessage('expected params or a result for the chunk'),
    );
  }
  (container as { chunk?: Buffer }).chunk = body.subarray(end + 1);
  return message;
};

/** True for a batch. */
export const isBatch = (parsed: Message | Batch): parsed is Batch => Array.isArray(parsed);

const toMessage = (value: unknown): Message => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MessageRefused(null, invalidMessage(`expected a JSON-RPC object, received ${typeOf(value)}`));
  }
  const message = value as Candidate;
  const id = isId(message.id) ? message.id : null;
  const problem = shapeProblem(message);
  if (problem !== undefined) throw new MessageRefused(id, invalidMessage(problem));
  return value as Message;
};

const typeOf = (value: unknown): string => {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
};

type Candidate = {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
};

const parseJson = (body: Buffer): unknown => {
  if (!isUtf8(body)) throw new MessageRefused(null, parseError('the body is not valid UTF-8'));
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    // The message of V8 quotes the body, which may contain values of environment variables.
    throw new MessageRefused(null, parseError('the body is not valid JSON'));
  }
};

const shapeProblem = (message: Candidate): string | undefined => {
  const isAnswer =
    message.method === undefined && (message.result !== undefined || message.error !== undefined);
  if (message.id !== undefined && !isId(message.id) && !(isAnswer && message.id === null)) {
    return `id: expected a string of at most ${MAX_ID_BYTES} bytes or a number, received ${idType(message.id)}`;
  }
  if (message.method !== undefined) {
    return typeof message.method === 'string' ? undefined : 'method: expected a string';
  }
  if (message.id === undefined) return 'expected a method, a result or an error';
  return isAnswer ? undefined : 'method: expected a string, but it is missing';
};

const idType = (id: unknown): string => {
  if (typeof id === 'number') return 'a number that is not exact';
  if (typeof id === 'string') return `a string of ${Buffer.byteLength(id)} bytes`;
  return id === null ? 'null' : typeof id;
};

// JSON.parse has rounded a larger number, so the sender would not recognise the answer.
const isId = (id: unknown): id is string | number =>
  (typeof id === 'string' && !exceedsBytes(id, MAX_ID_BYTES)) ||
  (typeof id === 'number' && Math.abs(id) <= Number.MAX_SAFE_INTEGER);
