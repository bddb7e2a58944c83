import type { FrameGate } from '../../protocol/framing/message-reader.ts';
import type { AnswerMemory } from '../memory/answer-memory.ts';
import { SHORT_FRAME_BYTES } from '../memory/limits.ts';

/**
 * Lets long answers of a sandboxed server in when there is memory to hand them on to the client. While one waits, the
 * sandboxed server isn't read.
 */
export class AnswerGate implements FrameGate {
  readonly #answers: AnswerMemory;
  readonly #proceed: () => void;
  /** Memory that was taken for the frame that waits; `waiting` until there is some. */
  #taken: number | 'waiting' | undefined;

  /** @param proceed called when the frame that waits may be handled */
  constructor(answers: AnswerMemory, proceed: () => void) {
    this.#answers = answers;
    this.#proceed = proceed;
  }

  admit(body: Buffer): boolean {
    if (body.length <= SHORT_FRAME_BYTES) return true;
    if (this.#taken === undefined) void this.#take(FORMS * body.length);
    if (typeof this.#taken !== 'number') return false;
    // A turn for the connection to dispatch it, after which the answer is queued.
    const bytes = this.#taken;
    this.#taken = undefined;
    setImmediate(() => this.#answers.releaseOnceQueued(bytes));
    return true;
  }

  dropped(): void {}

  async #take(bytes: number): Promise<void> {
    this.#taken = 'waiting';
    await this.#answers.take(bytes);
    this.#taken = bytes;
    this.#proceed();
    if (this.#taken !== bytes) return;
    // The frame is gone, with the server that sent it; or it asks again.
    this.#taken = undefined;
    this.#answers.releaseOnceQueued(bytes);
  }
}

/** Number of forms in which an answer is in memory: as it came, as text, as its values, as JSON again, as the text and bytes of a frame. */
const FORMS = 6;
