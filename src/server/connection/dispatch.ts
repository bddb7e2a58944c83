import { ResponseError } from 'vscode-jsonrpc/node';
import { ExecServerError, internal, resourceShortage, unknownMethod } from '../../protocol/errors.ts';
import { requests } from '../../protocol/messages.ts';
import { parse } from '../../protocol/parse.ts';
import { shortageOf } from '../../system/shortage.ts';
import type { RequestHold } from '../memory/request-memory.ts';
import type { Handlers } from './handlers.ts';
import type { Session } from './handshake.ts';

/** Answers one request: its result, or an error that is answered in its place. */
export type Answer = (method: string, params: unknown) => Promise<unknown>;

/**
 * Takes a request through the checks that are the same for all: it is known, it doesn't come too early, its
 * params are right. Anything that goes wrong becomes an error answer, and the connection lives.
 *
 * @param onInternal told of errors that are nobody's input
 * @param memory what a request came with, which counts until it is answered
 */
export const createAnswer =
  (
    handlers: Handlers,
    session: Session,
    onInternal: (error: unknown) => void,
    memory: HeldMemory = NOT_COUNTED,
  ): Answer =>
  async (method, params) => {
    let hold: RequestHold | undefined;
    try {
      hold = memory.take();
      if (!isKnown(method)) throw unknownMethod(method);
      session.admit(method);
      const handle = handlers[method] as (params: unknown) => unknown;
      const answer = handle(parse(requests[method].params, params ?? {}));
      // The text of long base64 is not needed any more, and this function may wait for long.
      params = undefined;
      if (method === 'process/write') {
        // By now its bytes count where they wait for the process; its answer may wait for that for long.
        memory.release(hold);
        hold = undefined;
      }
      return await answer;
    } catch (error) {
      return toResponseError(error, onInternal);
    } finally {
      memory.release(hold);
    }
  };

/** Takes over and releases what the frame of a request holds. */
type HeldMemory = {
  take(): RequestHold | undefined;
  release(hold: RequestHold | undefined): void;
};

const NOT_COUNTED: HeldMemory = { take: () => undefined, release: () => {} };

const isKnown = (method: string): method is keyof Handlers => Object.hasOwn(requests, method);

const toResponseError = (error: unknown, onInternal: (error: unknown) => void): ResponseError<unknown> => {
  const { code, message, data } = describeError(error, onInternal);
  return new ResponseError(code, message, data);
};

const describeError = (error: unknown, onInternal: (error: unknown) => void): ExecServerError => {
  if (error instanceof ExecServerError) return error;
  const shortage = shortageOf(error);
  if (shortage !== undefined) return resourceShortage(shortage);
  onInternal(error);
  return internal(error);
};
