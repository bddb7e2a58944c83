import type { ExecServerError } from '../errors.ts';

/** How the messages of a connection are told apart, in both directions: as LSP does, or one on each line. */
export type Framing = 'contentLength' | 'newline';

/** What is in a body: JSON, or a message on a line of its own and the bytes of its `chunk`. See `CHUNK_TYPE`. */
export type BodyKind = 'json' | 'chunk';

/** Where a decoder reports what it finds, in the order of the stream. */
export type FrameSink = {
  /** A complete body. It may share memory with a chunk that was pushed. */
  frame(body: Buffer, kind: BodyKind): void;
  /** Something was refused; the decoder goes on with what follows. */
  rejected(error: ExecServerError): void;
  /** Where the next body begins can't be told any more; nothing else will be reported. */
  lost(reason: string): void;
};

/** Cuts a byte stream into bodies, however the stream is split into chunks. */
export type Decoder = {
  /** Takes the next bytes of the stream. */
  push(chunk: Buffer): void;
  /** What an end of the stream here would cut off; `undefined` between two bodies. */
  readonly incomplete: string | undefined;
};
