import type { Body } from './bodies.ts';

/** A message, without the bytes that it carries. */
export type Message = {
  readonly id?: number | string | null;
  readonly method?: string;
  // biome-ignore lint/suspicious/noExplicitAny: servers of different make answer
  readonly params?: any;
  // biome-ignore lint/suspicious/noExplicitAny: servers of different make answer
  readonly result?: any;
  readonly error?: { readonly code: number; readonly message: string };
};

/**
 * Reads a message, and how many bytes its `chunk` carries. A long chunk is measured and not read, and
 * `chunk` is then empty: the client is to be faster than any server.
 */
export const readMessage = (body: Body): { message: Message; chunkBytes: number } => {
  if (body.binary) return beforeChunk(body);
  if (body.length > LONG) {
    const head = body.slice(0, HEAD).toString('latin1');
    const start = head.indexOf(CHUNK);
    if (start >= 0) return withoutChunk(body, head.slice(0, start + CHUNK.length));
  }
  const message: Message = JSON.parse(body.whole().toString());
  const chunk: unknown = message.params?.chunk ?? message.result?.chunk;
  return { message, chunkBytes: typeof chunk === 'string' ? decodedBytes(chunk.length, chunk.slice(-2)) : 0 };
};

const beforeChunk = (body: Body): { message: Message; chunkBytes: number } => {
  const head = body.slice(0, HEAD);
  const end = head.indexOf('\n');
  return { message: JSON.parse(head.toString('utf8', 0, end)), chunkBytes: body.length - end - 1 };
};

const CHUNK = '"chunk":"';
const HEAD = 1024;
const LONG = 2048;
const TAIL = 512;

const withoutChunk = (body: Body, head: string): { message: Message; chunkBytes: number } => {
  const tailStart = Math.max(head.length, body.length - TAIL);
  const tail = body.slice(tailStart, TAIL).toString('latin1');
  const end = tail.indexOf('"');
  const padding = body.slice(Math.max(head.length, tailStart + end - 2), 2).toString('latin1');
  return {
    message: JSON.parse(head + tail.slice(end)),
    chunkBytes: decodedBytes(tailStart + end - head.length, padding),
  };
};

const decodedBytes = (characters: number, last: string): number =>
  Math.floor((characters * 3) / 4) - (last.match(/=/g)?.length ?? 0);
