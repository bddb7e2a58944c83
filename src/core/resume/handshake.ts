import type { Readable, Writable } from 'node:stream';
import { ResponseError } from 'vscode-jsonrpc/node';
import { encodeFrame } from '../../protocol/framing/encode.ts';
import { FirstFrame } from '../../protocol/framing/first-frame.ts';
import { parseMessage } from '../../protocol/framing/message-parser.ts';
import { splitFrame } from '../../protocol/framing/split-frame.ts';
import { MAX_FIRST_FRAME_BYTES } from '../../protocol/limits.ts';
import { RequestError } from '../errors.ts';

/** The request for a session. */
export type ResumeRequest = {
  readonly clientName: string;
  readonly sessionId: string;
  readonly receivedBytes: number;
  readonly clientId: string;
};

/**
 * Requests a session on a new pipe. Afterwards the bytes of the session follow on its input.
 *
 * @returns the total of the bytes that the server has received; `undefined` if the pipe ends before an answer
 * @throws {RequestError} the error of the server
 */
export const resumeHandshake = async (
  { input, output }: { readonly input: Readable; readonly output: Writable },
  { clientName, ...resume }: ResumeRequest,
): Promise<number | undefined> => {
  const request = { jsonrpc: '2.0', id: 0, method: 'initialize', params: { clientName, resume } };
  output.write(encodeFrame(Buffer.from(JSON.stringify(request)), 'contentLength'));
  const frame = await firstFrame(input);
  if (frame === undefined) return undefined;
  if (frame.rest.length > 0) input.unshift(frame.rest);
  const { result, error } = frame.answer;
  if (error !== undefined)
    throw new RequestError('initialize', new ResponseError(error.code, error.message, error.data));
  return typeof result?.receivedBytes === 'number' ? result.receivedBytes : undefined;
};

type Answer = {
  readonly result?: { readonly receivedBytes?: unknown };
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
};

const firstFrame = (input: Readable): Promise<{ answer: Answer; rest: Buffer } | undefined> =>
  new Promise(resolve => {
    let answer: Answer | undefined;
    const search = new FirstFrame({
      accepts: body => {
        answer = answerIn(body);
        return answer !== undefined;
      },
      skipped: () => {},
    });
    const settle = (found: { answer: Answer; rest: Buffer } | undefined) => {
      input.off('data', data);
      for (const event of ENDS) input.off(event, end);
      input.pause();
      resolve(found);
    };
    const data = (chunk: Buffer) => {
      const frames = search.push(chunk);
      if (frames === undefined) return;
      const frame = frames === 'lost' ? undefined : splitFrame(frames, MAX_FIRST_FRAME_BYTES);
      settle(answer && typeof frame === 'object' ? { answer, rest: frame.rest } : undefined);
    };
    const end = () => settle(undefined);
    input.on('data', data);
    for (const event of ENDS) input.on(event, end);
  });

const ENDS = ['end', 'close', 'error'] as const;

const answerIn = (body: Buffer): Answer | undefined => {
  try {
    const message = parseMessage(body) as { id?: unknown };
    return message.id === 0 && ('result' in message || 'error' in message) ? (message as Answer) : undefined;
  } catch {
    return undefined;
  }
};
