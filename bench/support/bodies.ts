import type { Server } from './question.ts';

/** One message, in the pieces in which it was read. */
export class Body {
  readonly #pieces: readonly Buffer[];
  readonly length: number;
  /** Whether it is a message on a line of its own and then bytes. */
  readonly binary: boolean;

  constructor(pieces: readonly Buffer[], binary = false) {
    this.#pieces = pieces;
    this.binary = binary;
    this.length = pieces.reduce((sum, { length }) => sum + length, 0);
  }

  whole(): Buffer {
    return this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces);
  }

  /** The bytes from `start` on, at most `length`; copies no more than these. */
  slice(start: number, length: number): Buffer {
    const parts: Buffer[] = [];
    let at = 0;
    for (const piece of this.#pieces) {
      const part = piece.subarray(Math.max(0, start - at), Math.max(0, start + length - at));
      if (part.length > 0) parts.push(part);
      at += piece.length;
    }
    return Buffer.concat(parts);
  }
}

/** Cuts a stream into messages; to be called with each chunk of it. */
export const bodies = (framing: Server['framing'], onBody: (body: Body) => void) =>
  framing === 'ndjson' ? lines(onBody) : lengths(onBody);

const lines = (onBody: (body: Body) => void) => {
  let pieces: Buffer[] = [];
  return (chunk: Buffer): void => {
    let at = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, at)) {
      pieces.push(chunk.subarray(at, end));
      const body = new Body(pieces);
      pieces = [];
      at = end + 1;
      if (body.length > 0) onBody(body);
    }
    if (at < chunk.length) pieces.push(chunk.subarray(at));
  };
};

const lengths = (onBody: (body: Body) => void) => {
  let header: Buffer = Buffer.alloc(0);
  let pieces: Buffer[] = [];
  let missing = -1;
  let binary = false;
  return (read: Buffer): void => {
    const chunk = header.length > 0 ? Buffer.concat([header, read]) : read;
    header = Buffer.alloc(0);
    let at = 0;
    while (at < chunk.length) {
      if (missing < 0) {
        const end = chunk.indexOf('\r\n\r\n', at);
        if (end < 0) {
          header = chunk.subarray(at);
          return;
        }
        const fields = chunk.toString('latin1', at, end);
        missing = announced(fields);
        binary = fields.includes('application/vnd.exec-server.chunk');
        at = end + 4;
      }
      const piece = chunk.subarray(at, at + missing);
      pieces.push(piece);
      at += piece.length;
      missing -= piece.length;
      if (missing > 0) return;
      const body = new Body(pieces, binary);
      pieces = [];
      missing = -1;
      onBody(body);
    }
  };
};

const announced = (header: string): number => {
  const length = /^content-length: *(\d+)$/im.exec(header)?.[1];
  if (length === undefined) throw new Error(`no frame of the server: ${JSON.stringify(header.slice(0, 80))}`);
  return Number(length);
};
