import type { ExecServerError } from '../errors.ts';

/** Separation of messages, in both directions: a `Content-Length` header as in LSP, or one message on each line. */
export type Framing = 'contentLength' | 'newline';

/** Format of a body: JSON, or a JSON message on one line and the bytes of its `chunk`. See `CHUNK_TYPE`. */
export type BodyKind = 'json' | 'chunk';

/** Receiver of the bodies in a stream, in their order. */
export type FrameSink = {
  /** Receives a complete body. It may share memory with a chunk that was pushed. */
  frame(body: Buffer, kind: BodyKind): void;
  /** Receives the error of a frame or header that was rejected. Decoding continues after it. */
  rejected(error: ExecServerError): void;
  /** Called when the start of the next body cannot be found. Nothing is reported after it. */
  lost(reason: string): void;
};

/** Splits a byte stream into bodies. The result does not depend on the chunks. */
export type Decoder = {
  /** Decodes the next bytes of the stream. */
  push(chunk: Buffer): void;
  /** Description of the place if the stream ended here; `undefined` between two bodies. */
  readonly incomplete: string | undefined;
};
