import type { Readable } from 'node:stream';
import { MAX_START_UP_OUTPUT_BYTES } from '../../protocol/limits.ts';
import type { Fact } from './host-facts.ts';

/** A line of the bootstrap script that ends a step. */
export type HostLine =
  | { readonly word: 'need'; readonly part: string; readonly facts: readonly Fact[] }
  | { readonly word: 'failed'; readonly kind: string; readonly text: string; readonly facts: readonly Fact[] }
  | { readonly word: 'ready' | 'done'; readonly facts: readonly Fact[] };

/** Maximum length of a line of the script. */
const MAX_LINE_BYTES = 64 * 1024;

/** The lines of the bootstrap script among other output of the host. */
export class HostDialogue {
  readonly #input: Readable;
  readonly #mark: Buffer;
  #onFirstByte: (() => void) | undefined;
  readonly #facts: Fact[] = [];
  /** Received bytes that are no line of the script. */
  #other: Buffer = Buffer.alloc(0);

  /**
   * @param nonce the word that marks the lines of the script
   * @param onFirstByte called when the first byte arrives, from the script or not
   */
  constructor(input: Readable, nonce: string, onFirstByte?: () => void) {
    this.#input = input;
    this.#onFirstByte = onFirstByte;
    this.#mark = Buffer.from(`exec-server-bootstrap ${nonce} `);
  }

  /**
   * Reads up to the next line that ends a step. After `ready`, what else was received is back in the stream.
   *
   * @returns `undefined` at the end of the stream, or if it is no dialogue with the script
   */
  async next(): Promise<HostLine | undefined> {
    for (;;) {
      const line = this.#takeLine();
      const step = line === undefined ? undefined : this.#parse(line);
      if (step !== undefined) {
        if (step.word === 'ready') this.#giveBack();
        return step;
      }
      if (line !== undefined) continue;
      if (this.#other.length > MAX_START_UP_OUTPUT_BYTES) return undefined;
      const chunk = await nextChunk(this.#input);
      if (chunk === undefined) return undefined;
      this.#onFirstByte?.();
      this.#onFirstByte = undefined;
      this.#other = Buffer.concat([this.#other, chunk]);
    }
  }

  /** Output of the host that is not from the script. */
  get otherOutput(): Buffer {
    return this.#other;
  }

  #takeLine(): string | undefined {
    const start = this.#other.indexOf(this.#mark);
    if (start < 0) return undefined;
    const end = this.#other.indexOf('\n', start);
    if (end < 0) return undefined;
    const line = this.#other.toString(
      'utf8',
      start + this.#mark.length,
      Math.min(end, start + MAX_LINE_BYTES),
    );
    this.#other = Buffer.concat([this.#other.subarray(0, start), this.#other.subarray(end + 1)]);
    return line;
  }

  #parse(line: string): HostLine | undefined {
    const [word = '', name = '', ...rest] = line.split(' ');
    const facts = this.#facts;
    if (word === 'fact') facts.push({ name, value: rest.join(' ') });
    if (word === 'ready' || word === 'done') return { word, facts };
    if (word === 'need') return { word, part: name, facts };
    if (word === 'failed') return { word, kind: name, text: rest.join(' '), facts };
    return undefined;
  }

  #giveBack(): void {
    if (this.#other.length > 0) this.#input.unshift(this.#other);
  }
}

/** Waits for the next bytes of a stream; `undefined` at its end. The stream stays paused in between. */
const nextChunk = (input: Readable): Promise<Buffer | undefined> =>
  new Promise(resolve => {
    const settle = (chunk: Buffer | undefined) => {
      input.off('readable', check);
      for (const event of ENDS) input.off(event, ended);
      resolve(chunk);
    };
    const check = () => {
      const chunk: Buffer | null = input.read();
      if (chunk !== null) settle(chunk);
    };
    const ended = () => settle(undefined);
    if (input.readableEnded || input.destroyed) return resolve(undefined);
    input.on('readable', check);
    for (const event of ENDS) input.on(event, ended);
    check();
  });

const ENDS = ['end', 'close', 'error'] as const;
