import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import { limitExceeded } from '../../protocol/errors.ts';
import type { Requests } from '../../protocol/messages.ts';
import { type Deadline, deadline, startTimer } from '../../system/deadline.ts';
import type { AnswerMemory } from '../memory/answer-memory.ts';
import { MAX_ALL_WAITING_READS, MAX_READ_BYTES, MAX_WAITING_READS } from './limits.ts';
import type { ManagedProcess } from './managed-process.ts';
import type { LogSlice } from './output/output-log.ts';

type Params = ParamsOut<Requests['process/read']>;
type Result = ResultIn<Requests['process/read']>;

/** The calls of `process/read` on one connection. */
export class OutputReads {
  readonly #answers: AnswerMemory;
  #waiting = 0;

  constructor(answers: AnswerMemory) {
    this.#answers = answers;
  }

  /**
   * Answers `process/read`: what is retained after a number, or what comes next within `waitMs`.
   *
   * @throws {ExecServerError} `limitExceeded` when too many wait already, on this process or on all
   */
  async read(process: ManagedProcess, params: Params): Promise<Result> {
    const maxBytes = Math.min(params.maxBytes ?? MAX_READ_BYTES, MAX_READ_BYTES);
    await this.#untilNews(process, params);
    // By the time that there is room for an answer there may be less to tell, never more than this.
    const size = process.sizeAfter(params.afterSeq, maxBytes);
    const memory = FORMS * size.bytes + CHUNK_FORMS_BYTES * size.chunks + READ_OVERHEAD_BYTES;
    return this.#answers.making(memory, () => {
      return answer(process, process.read(params.afterSeq, Math.min(maxBytes, size.bytes)));
    });
  }

  async #untilNews(process: ManagedProcess, { afterSeq, waitMs }: Params): Promise<void> {
    const end = deadline(waitMs);
    while (process.nextSeq <= afterSeq + 1 && process.state !== 'closed' && !end.passed) {
      this.#refuseTooMany(process);
      this.#waiting += 1;
      await change(process, end);
      this.#waiting -= 1;
    }
  }

  #refuseTooMany({ waiting }: ManagedProcess): void {
    if (waiting >= MAX_WAITING_READS) throw limitExceeded('waitingReads', waiting + 1, MAX_WAITING_READS);
    if (this.#waiting >= MAX_ALL_WAITING_READS) {
      throw limitExceeded('allWaitingReads', this.#waiting + 1, MAX_ALL_WAITING_READS);
    }
  }
}

/**
 * How often the bytes of an answer are in memory, until they are queued: as they are, as base64, in JSON, in the text
 * and in the bytes of a frame; all but the first a third longer.
 */
const FORMS = 7;
/** What each chunk takes there besides its bytes. */
const CHUNK_FORMS_BYTES = 512;

const READ_OVERHEAD_BYTES = 4 * 1024;

const answer = (process: ManagedProcess, { chunks, complete, droppedBytes }: LogSlice): Result => ({
  chunks: chunks.map(({ seq, stream, bytes }) => ({ seq, stream, chunk: bytes.toString('base64') })),
  // What is not output has a number, too: the exit and the close follow the last chunk.
  nextSeq: complete ? process.nextSeq : (chunks.at(-1)?.seq ?? 0) + 1,
  exited: process.state !== 'running',
  exitCode: process.exit?.exitCode ?? null,
  closed: process.state === 'closed',
  failure: null,
  sandboxDenied: process.sandboxDenied,
  droppedBytes,
});

const change = (process: ManagedProcess, { remainingMs }: Deadline): Promise<void> =>
  new Promise(resolve => {
    const timer = startTimer(remainingMs, done);
    const forget = process.onceChanged(done);
    function done() {
      timer.cancel();
      forget();
      resolve();
    }
  });
