import { Message, ResponseError } from 'vscode-jsonrpc/node';
import { type ExecServerError, limitExceeded } from '../protocol/errors.ts';
import { messageText } from '../protocol/framing/encode.ts';
import { type Batch, type MessageId, MessageRefused } from '../protocol/framing/message-parser.ts';
import { TimeSlice } from '../system/time-slice.ts';
import type { Answer } from './answer.ts';

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
};

/**
 * Takes batches: begins the requests of one in their order, in slices, and, when the last has its answer, sends all of
 * them as one array, in the order of the requests. A batch without a request has no answer. An answer that
 * would make the array longer than the limit is replaced by an error.
 */
export const createBatchHandler =
  ({ answer, notified, errorAnswer, send, maxBytes }: BatchContext) =>
  async (batch: Batch, begun: () => void = () => {}): Promise<void> => {
    let bytes = 0;
    const encode = (id: MessageId, message: object): string => {
      const json = messageText(message);
      const total = bytes + Buffer.byteLength(json);
      if (total <= maxBytes) {
        bytes = total;
        return json;
      }
      return JSON.stringify(errorAnswer(limitExceeded('batchBytes', total, maxBytes), id));
    };
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
  };
