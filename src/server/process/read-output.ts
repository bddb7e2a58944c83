import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import { limitExceeded } from '../../protocol/errors.ts';
import type { Requests } from '../../protocol/messages.ts';
import { type Deadline, deadline, startTimer } from '../../system/deadline.ts';
import { MAX_READ_BYTES, MAX_WAITING_READS } from '../limits.ts';
import type { ManagedProcess } from './managed-process.ts';
import type { LogSlice } from './output-log.ts';

type Params = ParamsOut<Requests['processRead']>;
type Result = ResultIn<Requests['processRead']>;

/**
 * Answers `process/read`: what is retained after a number, or what comes next within `waitMs`.
 *
 * @throws {ExecServerError} `limitExceeded` when too many wait on this process already
 */
export const readOutput = async (process: ManagedProcess, params: Params): Promise<Result> => {
  const end = deadline(params.waitMs);
  for (;;) {
    const slice = process.read(params.afterSeq, Math.min(params.maxBytes ?? MAX_READ_BYTES, MAX_READ_BYTES));
    const nothingNew = slice.chunks.length === 0 && process.nextSeq <= params.afterSeq + 1;
    if (!nothingNew || process.state === 'closed' || end.passed) return answer(process, slice);
    if (process.waiting >= MAX_WAITING_READS) {
      throw limitExceeded('waitingReads', process.waiting + 1, MAX_WAITING_READS);
    }
    await change(process, end);
  }
};

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
