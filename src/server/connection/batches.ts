import { Message, ResponseError } from 'vscode-jsonrpc/node';
import { type ExecServerError, limitExceeded } from '../../protocol/errors.ts';
import { messageToJson } from '../../protocol/framing/encode.ts';
import { type Batch, type MessageId, MessageRefused } from '../../protocol/framing/message-parser.ts';
import { TimeSlice } from '../../system/time-slice.ts';
import type { MemoryShare } from '../memory/memory-budget.ts';
import type { RequestHold, RequestMemory } from '../memory/request-memory.ts';
import type { Dispatch } from './dispatch.ts';

export type BatchOptions = {
  readonly dispatch: Dispatch;
  readonly onNotification: (method: string) => void;
  /** Creates the error response for a request. */
  readonly errorAnswer: (error: ExecServerError, id: MessageId) => object;
  /** Sends the answers of one batch as JSON. */
  readonly send: (json: string) => void;
  /** Limit of the JSON of all answers of one batch, in bytes. */
  readonly maxBytes: number;
  /** Memory of the frame of a batch. */
  readonly requestMemory: Pick<RequestMemory, 'take' | 'release'>;
  /** Memory of the answers until the last is ready. */
  readonly answerMemory: MemoryShare;
};

/**
 * Creates the handler of JSON-RPC batches. It starts the requests of a batch in their order, in time slices, and sends
 * all answers as one array in the same order when the last is ready. A batch without a request has no answer. An answer
 * that exceeds the limit or the memory is replaced by an error: if it waited for memory, it would wait for the answers
 * before it, which wait for it.
 */
export const createBatchHandler =
  ({ dispatch, onNotification, errorAnswer, send, maxBytes, requestMemory, answerMemory }: BatchOptions) =>
  async (batch: Batch, onStarted: () => void = () => {}): Promise<void> => {
    let hold: RequestHold | undefined;
    try {
      hold = requestMemory.take();
    } catch (error) {
      send(JSON.stringify(errorAnswer(error as ExecServerError, null)));
      onStarted();
      return;
    }
    let bytes = 0;
    const encode = (id: MessageId, message: object): string => {
      const json = messageToJson(message);
      const length = Buffer.byteLength(json);
      if (bytes + length > maxBytes) return refuse(id, 'batchBytes', bytes + length, maxBytes);
      if (!answerMemory.tryTake(length)) {
        return refuse(id, 'answerBytes', answerMemory.usedBytes + length, answerMemory.maxBytes);
      }
      bytes += length;
      return json;
    };
    const refuse = (id: MessageId, limit: string, current: number, max: number): string =>
      JSON.stringify(errorAnswer(limitExceeded(limit, current, max), id));
    const answer = async (entry: Message | MessageRefused): Promise<string | undefined> => {
      if (entry instanceof MessageRefused) return encode(entry.id, errorAnswer(entry.reason, entry.id));
      if (Message.isNotification(entry)) onNotification(entry.method);
      if (!Message.isRequest(entry)) return undefined;
      const { id, method, params } = entry;
      const result = await dispatch(method, params, entry);
      const outcome = result instanceof ResponseError ? { error: result.toJson() } : { result };
      return encode(id, { jsonrpc: '2.0', id, ...outcome });
    };
    const answers: Promise<string | undefined>[] = [];
    const slice = new TimeSlice();
    for (const entry of batch) {
      answers.push(answer(entry));
      if (slice.over) await slice.next();
    }
    onStarted();
    const sent = (await Promise.all(answers)).filter(json => json !== undefined);
    if (sent.length > 0) send(`[${sent.join(',')}]`);
    answerMemory.release(bytes);
    requestMemory.release(hold);
  };
