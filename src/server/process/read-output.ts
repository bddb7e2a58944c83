import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import { limitExceeded } from '../../protocol/errors.ts';
import type { Requests } from '../../protocol/messages.ts';
import { type Deadline, deadline, startTimer } from '../../system/deadline.ts';
import type { AnswerMemory } from '../memory/answer-memory.ts';
import type { Exit } from './ending.ts';
import type { Journal } from './journal.ts';
import { MAX_ALL_WAITING_READS, MAX_READ_BYTES, MAX_WAITING_READS } from './limits.ts';

type Params = ParamsOut<Requests['process/read']>;
type Result = ResultIn<Requests['process/read']>;

/** State of a process that an answer to `process/read` reports. */
export type ReadState = {
  readonly state: 'running' | 'exited' | 'closed';
  readonly exit: Exit | undefined;
  readonly sandboxDenied: boolean;
};

/** The calls of `process/read` on one connection. */
export class OutputReads {
  readonly #answers: AnswerMemory;
  #waiting = 0;

  constructor(answers: AnswerMemory) {
    this.#answers = answers;
  }

  /**
   * Answers `process/read`: the retained output after a number, or the next output within `waitMs`.
   *
   * @throws {ExecServerError} `limitExceeded` if too many calls wait already, for this process or for all
   */
  async read(journal: Journal, process: ReadState, params: Params): Promise<Result> {
    const maxBytes = Math.min(params.maxBytes ?? MAX_READ_BYTES, MAX_READ_BYTES);
    await this.#waitForNews(journal, process, params);
    // While the answer waits for memory, output may be dropped; the answer never gets larger than this.
    const size = journal.sizeAfter(params.afterSeq, maxBytes);
    const memory = COPIES * size.bytes + CHUNK_OVERHEAD_BYTES * size.chunks + ANSWER_OVERHEAD_BYTES;
    return this.#answers.making(memory, () =>
      answer(journal, process, params.afterSeq, Math.min(maxBytes, size.bytes)),
    );
  }

  async #waitForNews(journal: Journal, process: ReadState, { afterSeq, waitMs }: Params): Promise<void> {
    const end = deadline(waitMs);
    while (journal.nextSeq <= afterSeq + 1 && process.state !== 'closed' && !end.passed) {
      this.#assertMayWait(journal.listenerCount);
      this.#waiting += 1;
      await nextChange(journal, end);
      this.#waiting -= 1;
    }
  }

  #assertMayWait(waitingForProcess: number): void {
    if (waitingForProcess >= MAX_WAITING_READS) {
      throw limitExceeded('waitingReads', waitingForProcess + 1, MAX_WAITING_READS);
    }
    if (this.#waiting >= MAX_ALL_WAITING_READS) {
      throw limitExceeded('allWaitingReads', this.#waiting + 1, MAX_ALL_WAITING_READS);
    }
  }
}

/** Memory of an answer as a multiple of its output, until it is queued: bytes, base64, JSON, and text and bytes of a frame. */
const COPIES = 7;
/** Memory of a chunk in addition to its bytes. */
const CHUNK_OVERHEAD_BYTES = 512;
const ANSWER_OVERHEAD_BYTES = 4 * 1024;

const answer = (journal: Journal, process: ReadState, afterSeq: number, maxBytes: number): Result => {
  const { chunks, complete, droppedBytes } = journal.read(afterSeq, maxBytes);
  return {
    chunks: chunks.map(({ seq, stream, bytes }) => ({ seq, stream, chunk: bytes.toString('base64') })),
    // The exit and the close, which follow the last chunk, have numbers, too.
    nextSeq: complete ? journal.nextSeq : (chunks.at(-1)?.seq ?? 0) + 1,
    exited: process.state !== 'running',
    exitCode: process.exit?.exitCode ?? null,
    closed: process.state === 'closed',
    failure: null,
    sandboxDenied: process.sandboxDenied,
    droppedBytes,
  };
};

const nextChange = (journal: Journal, { remainingMs }: Deadline): Promise<void> =>
  new Promise(resolve => {
    const timer = startTimer(remainingMs, done);
    const removeListener = journal.onNextChange(done);
    function done() {
      timer.cancel();
      removeListener();
      resolve();
    }
  });
