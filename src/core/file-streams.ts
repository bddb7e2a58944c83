import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';
import type { ResultOut } from '../protocol/define.ts';
import { invalidAnswer, invalidParams } from '../protocol/errors.ts';
import { MAX_BLOCK_BYTES } from '../protocol/limits.ts';
import { type Requests, requests } from '../protocol/messages.ts';
import { Fifo } from '../system/fifo.ts';
import { blockWritable } from './block-writable.ts';
import type { ClientConnection } from './client-connection.ts';
import { RequestError } from './errors.ts';
import type { WriteStreamOptions } from './files.ts';
import { BLOCKS_UNDER_WAY } from './limits.ts';
import type { Sandbox } from './process.ts';

type Request = ClientConnection['request'];

/** A file to open, with the handle id that it gets. */
export type OpenFile = {
  readonly handleId: string;
  readonly path: string;
  readonly sandbox: Sandbox | undefined;
};

/**
 * Reads a file in blocks, several requested at a time.
 *
 * @param verify true to fail at the end, with `contentMismatch`, if the file does not contain what was read
 */
export async function* readBlocks(
  request: Request,
  { handleId, path, sandbox }: OpenFile,
  verify: boolean,
): AsyncGenerator<Buffer> {
  const hash = verify ? createHash('sha256') : undefined;
  await request(requests['fs/open'], { handleId, path, sandbox });
  let expectation = {};
  try {
    const underWay = new Fifo<Promise<ResultOut<Requests['fs/readBlock']>>>();
    let requested = 0;
    const requestUpTo = (count: number) => {
      for (; underWay.length < count; requested += MAX_BLOCK_BYTES) {
        const params = { handleId, offset: requested, len: MAX_BLOCK_BYTES };
        const block = request(requests['fs/readBlock'], params);
        block.catch(() => {});
        underWay.push(block);
      }
    };
    // More with each block that is not the last, so that of a short file nothing is requested beyond its end.
    requestUpTo(1);
    for (let ahead = 2; ; ahead = Math.min(2 * ahead, BLOCKS_UNDER_WAY)) {
      const { chunk, eof } = (await underWay.take()) as ResultOut<Requests['fs/readBlock']>;
      checkBlock(chunk, eof);
      // The next ones are under way while this one is used.
      if (!eof) requestUpTo(ahead);
      hash?.update(chunk);
      if (chunk.length > 0) yield chunk;
      if (eof) break;
    }
    expectation = { expectSha256: hash?.digest('hex') };
  } finally {
    await request(requests['fs/close'], { handleId, ...expectation });
  }
}

/** Creates the stream that writes a file in blocks; see `RemoteFiles.createWriteStream`. */
export const fileWriteStream = (
  request: Request,
  { handleId, path, sandbox }: OpenFile,
  { atomic = false, fileMode, verify = true }: WriteStreamOptions,
): Writable => {
  const hash = verify ? createHash('sha256') : undefined;
  let offset = 0;
  return blockWritable({
    open: () => request(requests['fs/open'], { handleId, path, mode: 'replace', atomic, fileMode, sandbox }),
    write: block => {
      hash?.update(block);
      const written = request(requests['fs/writeBlock'], { handleId, offset, chunk: block });
      offset += block.length;
      return written;
    },
    finish: () =>
      request(requests['fs/close'], { handleId, expectSize: offset, expectSha256: hash?.digest('hex') }),
    discard: () => request(requests['fs/close'], { handleId, discard: true }),
  });
};

/**
 * Refuses a block that is longer than requested, and a shorter one that is not the last: the next one was requested
 * from where it should have ended.
 */
const checkBlock = ({ length }: Buffer, eof: boolean): void => {
  if (eof ? length <= MAX_BLOCK_BYTES : length === MAX_BLOCK_BYTES) return;
  const problem = `expected ${eof ? 'at most ' : ''}${MAX_BLOCK_BYTES} bytes${eof ? '' : ' before the end of the file'}, received ${length}`;
  const { method } = requests['fs/readBlock'];
  throw new RequestError(method, invalidAnswer(method, invalidParams('chunk', problem)));
};
