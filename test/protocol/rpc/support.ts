import type { Readable } from 'node:stream';
import { FrameDecoder } from '../../../src/protocol/framing/frame-decoder.ts';

/** The messages on a stream, as far as they have arrived. */
export const messagesOf = (stream: Readable): unknown[] => {
  const messages: unknown[] = [];
  const decoder = new FrameDecoder({
    frame: body => messages.push(JSON.parse(body.toString())),
    rejected: error => messages.push(error),
    lost: reason => messages.push(reason),
  });
  stream.on('data', (chunk: Buffer) => decoder.push(chunk));
  return messages;
};
