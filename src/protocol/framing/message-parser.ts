import { isUtf8 } from 'node:buffer';
import type { Message } from 'vscode-jsonrpc/node';
import { type ExecServerError, invalidMessage, parseError } from '../errors.ts';
import { MAX_NESTING } from '../limits.ts';
import { nestingDepth } from './nesting.ts';

/** The id of a request, as far as it is known; `null` where it isn't. */
export type MessageId = string | number | null;

/** A body that is no message: what is wrong with it and which request to answer. */
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

/**
 * Reads a frame's body as one JSON-RPC message. The member `jsonrpc` may be absent. An answer may have the
 * id `null`: the peer could not tell which request it answers.
 *
 * @throws {MessageRefused} for a body that isn't UTF-8, JSON or a message.
 */
export const parseMessage = (body: Buffer): Message => {
  const value = parseJson(body);
  if (Array.isArray(value)) throw new MessageRefused(null, invalidMessage('batches are not supported'));
  if (typeof value !== 'object' || value === null) {
    throw new MessageRefused(
      null,
      invalidMessage(`expected a JSON-RPC object, received ${value === null ? 'null' : typeof value}`),
    );
  }
  const message = value as Candidate;
  const id = isId(message.id) ? message.id : null;
  const problem = shapeProblem(message);
  if (problem !== undefined) throw new MessageRefused(id, invalidMessage(problem));
  return value as Message;
};

type Candidate = {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
};

const parseJson = (body: Buffer): unknown => {
  if (!isUtf8(body)) throw new MessageRefused(null, parseError('the body is not valid UTF-8'));
  if (nestingDepth(body, MAX_NESTING) > MAX_NESTING) {
    throw new MessageRefused(null, invalidMessage(`the message is nested deeper than ${MAX_NESTING} levels`));
  }
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    // The engine's own text quotes the body, which may hold values of environment variables.
    throw new MessageRefused(null, parseError('the body is not valid JSON'));
  }
};

const shapeProblem = (message: Candidate): string | undefined => {
  const isAnswer =
    message.method === undefined && (message.result !== undefined || message.error !== undefined);
  if (message.id !== undefined && !isId(message.id) && !(isAnswer && message.id === null)) {
    return `id: expected a string or a number, received ${idType(message.id)}`;
  }
  if (message.method !== undefined) {
    return typeof message.method === 'string' ? undefined : 'method: expected a string';
  }
  if (message.id === undefined) return 'expected a method, a result or an error';
  return isAnswer ? undefined : 'method: expected a string, but it is missing';
};

const idType = (id: unknown): string => {
  if (typeof id === 'number') return 'a number that is not exact';
  return id === null ? 'null' : typeof id;
};

// A larger number is not the one that was sent any more, and its sender would not know the answer.
const isId = (id: unknown): id is string | number =>
  typeof id === 'string' || (typeof id === 'number' && Math.abs(id) <= Number.MAX_SAFE_INTEGER);
