import { isAscii } from 'node:buffer';
import { type ExecServerError, limitExceeded } from '../../protocol/errors.ts';
import type { FrameGate } from '../../protocol/framing/message-reader.ts';
import { afterFlush, type Backlog } from './backlog.ts';
import {
  ANSWER_HIGH_WATER_BYTES,
  PARAMS_FACTOR,
  PARSE_FACTOR,
  PENDING_REQUEST_BYTES,
  SHORT_FRAME_BYTES,
  WIDE_PARAMS_FACTOR,
  WIDE_PARSE_FACTOR,
} from './limits.ts';
import type { MemoryBudget, MemoryShare } from './memory-budget.ts';

/** Memory that a request holds until it is answered. */
export type RequestHold = { readonly share: MemoryShare; readonly bytes: number };

/**
 * Memory of requests, from the bytes of a frame to the answer.
 *
 * A short frame waits only for answers to others: requests that free memory (acknowledge, terminate, close) are short. A
 * long one is parsed when there is memory for it, or when no answer is in progress or queued. Then it holds the memory of
 * its params, or is refused.
 */
export class RequestMemory implements FrameGate {
  readonly #pending: MemoryShare;
  readonly #parsing: MemoryShare;
  readonly #uploads: MemoryShare;
  readonly #answers: MemoryShare;
  readonly #limitBytes: number;
  readonly #backlog: Backlog;
  readonly #proceedAfterFlush: () => void;
  /** Memory of the last admitted frame, until it is taken. */
  #hold: RequestHold | undefined;
  /** Memory of its params once it is parsed. */
  #parsedBytes = 0;

  /**
   * @param maxFrameBytes longest frame; one of ASCII can always be parsed
   * @param proceed called when a refused frame may be admitted
   */
  constructor(budget: MemoryBudget, maxFrameBytes: number, backlog: Backlog, proceed: () => void) {
    this.#pending = budget.share('requests');
    this.#parsing = budget.share('frames');
    this.#uploads = budget.share('uploads');
    this.#answers = budget.share('answers');
    this.#limitBytes = Math.max(budget.limitBytes, maxFrameBytes * PARSE_FACTOR);
    this.#backlog = backlog;
    this.#proceedAfterFlush = afterFlush(backlog, proceed);
    budget.onReleased(proceed);
  }

  admit(body: Buffer): boolean | ExecServerError {
    const { queuedBytes } = this.#backlog;
    const admitted =
      queuedBytes <= ANSWER_HIGH_WATER_BYTES &&
      (body.length > SHORT_FRAME_BYTES
        ? this.#admitLong(body, queuedBytes)
        : this.#admitShort(PENDING_REQUEST_BYTES + 2 * body.length));
    if (admitted === false && queuedBytes > 0) this.#proceedAfterFlush();
    return admitted;
  }

  done(): void {
    this.release(this.#hold);
    this.#hold = undefined;
  }

  /**
   * Takes the memory of the last admitted frame, which the caller has to release; `undefined` if it is taken already.
   *
   * @throws {ExecServerError} `limitExceeded` if there is no memory for it until its answer
   */
  take(): RequestHold | undefined {
    const hold = this.#hold;
    if (hold?.share !== this.#parsing) {
      this.#hold = undefined;
      return hold;
    }
    this.done();
    const bytes = this.#parsedBytes;
    if (!this.#uploads.tryTakeOrAlone(bytes)) {
      const { usedBytes, maxBytes } = this.#uploads;
      throw limitExceeded('queuedRequestBytes', usedBytes + bytes, maxBytes, WAIT_HINT);
    }
    return { share: this.#uploads, bytes };
  }

  release(hold: RequestHold | undefined): void {
    hold?.share.release(hold.bytes);
  }

  #admitShort(bytes: number): boolean {
    const { usedBytes, maxBytes } = this.#pending;
    if (usedBytes + bytes > maxBytes) return false;
    this.#take(this.#pending, bytes);
    return true;
  }

  #admitLong(body: Buffer, queued: number): boolean | ExecServerError {
    const ascii = isAscii(body);
    const bytes = body.length * (ascii ? PARSE_FACTOR : WIDE_PARSE_FACTOR);
    if (bytes > this.#limitBytes) return limitExceeded('memoryBytes', bytes, this.#limitBytes);
    const idle = this.#answers.usedBytes === 0 && queued <= SHORT_FRAME_BYTES;
    if (!this.#parsing.fits(bytes, queued) && !idle) return false;
    this.#take(this.#parsing, bytes);
    this.#parsedBytes = body.length * (ascii ? PARAMS_FACTOR : WIDE_PARAMS_FACTOR);
    return true;
  }

  #take(share: MemoryShare, bytes: number): void {
    share.take(bytes);
    this.#hold = { share, bytes };
  }
}

const WAIT_HINT = 'wait for the answers to earlier requests';
