import { Message, ResponseError } from 'vscode-jsonrpc/node';
import { type ExecServerError, limitExceeded } from '../../protocol/errors.ts';
import { messageText } from '../../protocol/framing/encode.ts';
import { type Batch, type MessageId, MessageRefused } from '../../protocol/framing/message-parser.ts';
import { TimeSlice } from '../../system/time-slice.ts';
import type { MemoryShare } from '../memory/memory-budget.ts';
import type { RequestHold, RequestMemory } from '../memory/request-memory.ts';
import type { Answer } from './dispatch.ts';

/** What a batch is answered with. */
export type BatchContext = {
  readonly answer: Answer;
  /** Takes a notification. */
  readonly notified: (method: string) => void;
  /** An answer with an error, as one that came alone gets it. */
  readonly errorAnswer: (error: ExecServerError, id: MessageId) => object;
  /** Sends the answers of one batch, which are JSON. */
  readonly send: (json: string) => void;
  /** Longest JSON that the answers of one batch make together. */
  readonly maxBytes: number;
  /** Has what the batch came with. */
  readonly requestMemory: Pick<RequestMemory, 'take' | 'release'>;
  /** Where its answers count until the last is there. */
  readonly answerMemory: MemoryShare;
};

/**
 * Takes batches: begins the requests of one in their order, in slices, and, when the last has its answer, sends all of
 * them as one array, in the order of the requests. A batch without a request has no answer. An answer that
 * would make the array longer than the limit, or for which there is no memory, is replaced by an error: none waits
 * for memory while the others hold it.
 */
export const createBatchHandler =
  ({ answer, notified, errorAnswer, send, maxBytes, requestMemory, answerMemory }: BatchContext) =>
  async (batch: Batch, begun: () => void = () => {}): Promise<void> => {
    let hold: RequestHold | undefined;
    try {
      hold = requestMemory.take();
    } catch (error) {
      send(JSON.stringify(errorAnswer(error as ExecServerError, null)));
      begun();
      return;
    }
    let bytes = 0;
    const encode = (id: MessageId, message: object): string => {
      const json = messageText(message);
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
    const answerTo = async (entry: Message | MessageRefused): Promise<string | undefined> => {
      if (entry instanceof MessageRefused) return encode(entry.id, errorAnswer(entry.reason, entry.id));
      if (Message.isNotification(entry)) notified(entry.method);
      if (!Message.isRequest(entry)) return undefined;
      const { id, method, params } = entry;
      const result = await answer(method, params);
      const outcome = result instanceof ResponseError ? { error: result.toJson() } : { result };
      return encode(id, { jsonrpc: '2.0', id, ...outcome });
    };
    const answers: Promise<string | undefined>[] = [];
    const slice = new TimeSlice();
    for (const entry of batch) {
      answers.push(answerTo(entry));
      if (slice.over) await slice.next();
    }
    begun();
    const told = (await Promise.all(answers)).filter(json => json !== undefined);
    if (told.length > 0) send(`[${told.join(',')}]`);
    answerMemory.release(bytes);
    requestMemory.release(hold);
  };
