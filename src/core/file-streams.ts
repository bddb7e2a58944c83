import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';
import type { ResultOut } from '../protocol/define.ts';
import { invalidAnswer, invalidParams } from '../protocol/errors.ts';
import { MAX_BLOCK_BYTES } from '../protocol/limits.ts';
import { type Requests, requests } from '../protocol/messages.ts';
import { Fifo } from '../system/fifo.ts';
import { type BlockTarget, blockWritable } from './block-writable.ts';
import type { ClientConnection } from './client-connection.ts';
import type { CreditWindows } from './credit-window.ts';
import { RequestError } from './errors.ts';
import type { WriteStreamOptions } from './files.ts';
import { BLOCKS_AHEAD, MAX_BLOCKS_AHEAD } from './limits.ts';
import type { Sandbox } from './process.ts';
import type { SendWindow } from './send-window.ts';

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
  windows: CreditWindows,
): AsyncGenerator<Buffer> {
  const hash = verify ? createHash('sha256') : undefined;
  await request(requests['fs/open'], { handleId, path, sandbox });
  let expectation = {};
  let grown: number | undefined;
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
    for (let ahead = 4; ; ahead *= 4) {
      const { chunk, eof } = (await underWay.take()) as ResultOut<Requests['fs/readBlock']>;
      checkBlock(chunk, eof);
      // The next ones are under way while this one is used.
      if (!eof && grown === undefined) grown = windows.take(MAX_GROWTH_BYTES);
      if (!eof) requestUpTo(Math.min(ahead, BLOCKS_AHEAD + (grown ?? 0) / MAX_BLOCK_BYTES));
      hash?.update(chunk);
      if (chunk.length > 0) yield chunk;
      if (eof) break;
    }
    expectation = { expectSha256: hash?.digest('hex') };
  } finally {
    windows.release(grown ?? 0);
    await request(requests['fs/close'], { handleId, ...expectation });
  }
}

/** Memory of the blocks that are requested ahead if it is available. */
const MAX_GROWTH_BYTES = (MAX_BLOCKS_AHEAD - BLOCKS_AHEAD) * MAX_BLOCK_BYTES;

/** Creates the stream that writes a file in blocks; see `RemoteFiles.createWriteStream`. */
export const fileWriteStream = (
  request: Request,
  { handleId, path, sandbox }: OpenFile,
  { atomic = false, fileMode, verify = true }: WriteStreamOptions,
  window: SendWindow,
): Writable => {
  const hash = verify ? createHash('sha256') : undefined;
  let offset = 0;
  const target: BlockTarget = {
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
  };
  return blockWritable(target, window);
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
