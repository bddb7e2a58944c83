import type { FrameGate } from '../../protocol/framing/message-reader.ts';
import type { AnswerMemory } from '../memory/answer-memory.ts';
import { SHORT_FRAME_BYTES } from '../memory/limits.ts';

/**
 * Admits long answers of a sandboxed server once there is memory to forward them to the client. While one waits, the
 * output of the sandboxed server is not read.
 */
export class AnswerGate implements FrameGate {
  readonly #answers: AnswerMemory;
  readonly #proceed: () => void;
  /** The bytes taken for the waiting frame; `waiting` while they are not available. */
  #taken: number | 'waiting' | undefined;

  /** @param proceed called when the waiting frame may be handled */
  constructor(answers: AnswerMemory, proceed: () => void) {
    this.#answers = answers;
    this.#proceed = proceed;
  }

  admit(body: Buffer): boolean {
    if (body.length <= SHORT_FRAME_BYTES) return true;
    if (this.#taken === undefined) void this.#take(FORMS * body.length);
    if (typeof this.#taken !== 'number') return false;
    // The connection dispatches it in this turn of the event loop, after which the answer is queued.
    const bytes = this.#taken;
    this.#taken = undefined;
    setImmediate(() => this.#answers.releaseOnceQueued(bytes));
    return true;
  }

  done(): void {}

  async #take(bytes: number): Promise<void> {
    this.#taken = 'waiting';
    await this.#answers.take(bytes);
    this.#taken = bytes;
    this.#proceed();
    if (this.#taken !== bytes) return;
    // The frame did not ask again: it is gone with the server that sent it.
    this.#taken = undefined;
    this.#answers.releaseOnceQueued(bytes);
  }
}

/** Copies of an answer in memory: received bytes, text, values, JSON again, text and bytes of the new frame. */
const FORMS = 6;
