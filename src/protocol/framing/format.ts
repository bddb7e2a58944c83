import type { Framing } from './decoder.ts';

/** Format in which one side of a connection writes. */
export type FrameFormat = {
  readonly framing: Framing;
  /** True if the bytes of a `chunk` are sent as they are, in a frame with `CHUNK_TYPE`; only with headers. */
  readonly binary: boolean;
};

/** The format at the start of a connection. */
export const DEFAULT_FORMAT: FrameFormat = { framing: 'contentLength', binary: false };

/**
 * `Content-Type` of a frame with bytes. Its body is a message on one line, without the `chunk` of its params or
 * result, followed by a line feed and the bytes of that `chunk`.
 */
export const CHUNK_TYPE = 'application/vnd.exec-server.chunk';

/** Returns the bytes before a body: its header, or nothing. JSON without indentation has no line break. */
export const frameHeader = (bodyBytes: number, { framing, binary }: FrameFormat): string => {
  if (framing === 'newline') return '';
  return `Content-Length: ${bodyBytes}\r\n${binary ? `Content-Type: ${CHUNK_TYPE}\r\n` : ''}\r\n`;
};

/** Returns the bytes after a body, as ASCII: its line end, or nothing. */
export const frameTrailer = (framing: Framing): string => (framing === 'newline' ? '\n' : '');
