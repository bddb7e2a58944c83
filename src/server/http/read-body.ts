import type { IncomingMessage } from 'node:http';
import { limitExceeded } from '../../protocol/errors.ts';
import type { Grow } from '../memory/partial-answers.ts';
import { MAX_HTTP_BODY_BYTES } from './limits.ts';

/**
 * Reads the body of a response, and waits while there is no memory for more.
 *
 * @throws {ExecServerError} `limitExceeded` if it is too long
 */
export const readBody = async (response: IncomingMessage, grow: Grow): Promise<Buffer> => {
  // Copied, since a short chunk would keep the whole block in memory that it was read into.
  let bytes = Buffer.alloc(0);
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const needed = length + chunk.length;
    if (needed > MAX_HTTP_BODY_BYTES) throw limitExceeded('httpBodyBytes', needed, MAX_HTTP_BODY_BYTES);
    if (needed > bytes.length) {
      const larger = Math.min(MAX_HTTP_BODY_BYTES, Math.max(needed, 2 * bytes.length));
      await grow(larger - bytes.length);
      bytes = enlarged(bytes, larger);
    }
    chunk.copy(bytes, length);
    length = needed;
  }
  return bytes.subarray(0, length);
};

const enlarged = (bytes: Buffer, length: number): Buffer<ArrayBuffer> => {
  const larger = Buffer.allocUnsafeSlow(length);
  bytes.copy(larger);
  return larger;
};
