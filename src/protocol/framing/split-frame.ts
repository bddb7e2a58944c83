import { readHeaderLine } from './header.ts';

/** The first frame of some bytes, and what follows it. */
export type SplitFrame = { readonly body: Buffer; readonly rest: Buffer };

/** Splits off a frame that begins with the bytes; `undefined` while it is incomplete, `'invalid'` if it is none. */
export const splitFrame = (bytes: Buffer, maxBytes: number): SplitFrame | 'invalid' | undefined => {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return bytes.length > maxBytes ? 'invalid' : undefined;
  const fields: { contentLength?: number } = {};
  for (const line of bytes.toString('latin1', 0, end).split('\r\n')) {
    if (readHeaderLine(line, fields) !== undefined) return 'invalid';
  }
  const { contentLength } = fields;
  if (contentLength === undefined || contentLength > maxBytes) return 'invalid';
  const start = end + 4;
  if (bytes.length < start + contentLength) return undefined;
  return { body: bytes.subarray(start, start + contentLength), rest: bytes.subarray(start + contentLength) };
};
