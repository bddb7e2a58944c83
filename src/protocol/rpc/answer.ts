import type { Message, ResponseMessage } from 'vscode-jsonrpc/node';
import { errorKinds } from '../errors.ts';

/** Returns an answer whose error, if it has one, has a code and a message: vscode-jsonrpc does not check them. */
export const wellFormedAnswer = (message: Message): ResponseMessage => {
  const answer = message as ResponseMessage;
  const { error, result } = answer as { error?: unknown; result?: unknown };
  if (error === undefined || isErrorObject(error)) return answer;
  // JSON-RPC 1.0 has both in each answer.
  if (error === null && result !== undefined) {
    const { error: _, ...rest } = answer;
    return rest;
  }
  return { ...answer, error: MALFORMED_ERROR };
};

type ErrorObject = NonNullable<ResponseMessage['error']>;

const isErrorObject = (error: unknown): error is ErrorObject => {
  if (typeof error !== 'object' || error === null) return false;
  const { code, message } = error as Partial<Record<keyof ErrorObject, unknown>>;
  return Number.isSafeInteger(code) && typeof message === 'string';
};

const MALFORMED_ERROR: ErrorObject = {
  code: errorKinds.invalidAnswer,
  message: 'the answer has an error without a code and a message',
  data: { kind: 'invalidAnswer', field: 'error' },
};
