import { ResponseError } from 'vscode-jsonrpc/node';
import { ExecServerError, internal, resourceShortage, unknownMethod } from '../../protocol/errors.ts';
import { requests } from '../../protocol/messages.ts';
import { parse } from '../../protocol/parse.ts';
import type { Envelope } from '../../protocol/rpc/peer.ts';
import { shortageOf } from '../../system/shortage.ts';
import type { RequestHold } from '../memory/request-memory.ts';
import type { Handlers } from '../session/handlers.ts';
import type { Handshake } from './handshake.ts';

/**
 * Answers one request with its result or a `ResponseError`. Never rejects.
 *
 * @param message the request as received, with its id and trace
 */
export type Dispatch = (method: string, params: unknown, message?: Envelope) => Promise<unknown>;

/**
 * Creates the function that takes every request through the same steps: known method, handshake, params, handler. Any
 * error becomes the answer, and the connection continues.
 *
 * @param onInternal receives errors that are not explained by the request
 * @param memory memory of the frame of a request, which counts until the answer
 */
export const createDispatch =
  (
    handlers: Handlers,
    handshake: Handshake,
    onInternal: (error: unknown) => void,
    memory: HeldMemory = NOT_COUNTED,
  ): Dispatch =>
  async (method, params) => {
    let hold: RequestHold | undefined;
    try {
      hold = memory.take();
      if (!isKnown(method)) throw unknownMethod(method);
      handshake.admit(method);
      const handle = handlers[method] as (params: unknown) => unknown;
      const answer = handle(parse(requests[method].params, params ?? {}));
      // The text of long base64 is not needed any more, and this function may wait for long.
      params = undefined;
      if (method === 'process/write') {
        // Its bytes count in the stdin queue from here on; the answer may wait long for the process.
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

/** Takes over and releases the memory that the frame of a request holds. */
type HeldMemory = {
  take(): RequestHold | undefined;
  release(hold: RequestHold | undefined): void;
};

const NOT_COUNTED: HeldMemory = { take: () => undefined, release: () => {} };

const isKnown = (method: string): method is keyof Handlers => Object.hasOwn(requests, method);

const toResponseError = (error: unknown, onInternal: (error: unknown) => void): ResponseError<unknown> => {
  const { code, message, data } = toExecServerError(error, onInternal);
  return new ResponseError(code, message, data);
};

const toExecServerError = (error: unknown, onInternal: (error: unknown) => void): ExecServerError => {
  if (error instanceof ExecServerError) return error;
  const shortage = shortageOf(error);
  if (shortage !== undefined) return resourceShortage(shortage);
  onInternal(error);
  return internal(error);
};
