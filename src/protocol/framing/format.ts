import type { Framing } from './decoder.ts';

/** How one side of a connection writes. */
export type FrameFormat = {
  readonly framing: Framing;
  /** Whether a `chunk` goes as it is, in a frame with `CHUNK_TYPE`, rather than as base64; with headers only. */
  readonly binary: boolean;
};

/** What a connection begins with. */
export const PLAIN: FrameFormat = { framing: 'contentLength', binary: false };

/**
 * The `Content-Type` of a frame with bytes: its body is a message on one line, without the `chunk` of its params or
 * its result, and after the line feed the bytes of that `chunk`.
 */
export const CHUNK_TYPE = 'application/vnd.exec-server.chunk';

/** What a frame of so many bytes begins with. JSON without indentation has no line break in it. */
export const frameStart = (bodyBytes: number, { framing, binary }: FrameFormat): string => {
  if (framing === 'newline') return '';
  return `Content-Length: ${bodyBytes}\r\n${binary ? `Content-Type: ${CHUNK_TYPE}\r\n` : ''}\r\n`;
};

/** What it ends with, which counts as part of its body. */
export const frameEnd = (framing: Framing): string => (framing === 'newline' ? '\n' : '');
