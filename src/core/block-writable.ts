import { Writable } from 'node:stream';
import { MAX_BLOCK_BYTES } from '../protocol/limits.ts';
import { BlocksUnderWay, type SendWindow } from './send-window.ts';

/** Requests that a stream of blocks makes. */
export type BlockTarget = {
  readonly open?: () => Promise<unknown>;
  /** Sends a block, which is its own copy. The next ones are sent before it is answered. */
  readonly write: (block: Buffer) => Promise<unknown>;
  /** Called when every block was answered, or with `ordered` when the last one was sent. */
  readonly finish: () => Promise<unknown>;
  /** True if the server handles blocks and finish in the order of sending, also after an error. */
  readonly ordered?: boolean;
  /** Called if the stream is destroyed before it has finished. */
  readonly discard?: () => Promise<unknown>;
};

/** Creates a stream that sends blocks of at most 1 MiB, several at a time. An error of one is that of a later call. */
export const blockWritable = (
  { open, write, finish, ordered = false, discard }: BlockTarget,
  window: SendWindow,
): Writable => {
  const underWay = new BlocksUnderWay(window);
  const send = async (bytes: Buffer): Promise<void> => {
    for (let from = 0; from < bytes.length; from += MAX_BLOCK_BYTES) {
      const block = bytes.subarray(from, from + MAX_BLOCK_BYTES);
      await underWay.room();
      // The caller may change its bytes as soon as the callback is called.
      underWay.add(block.length, write(Buffer.from(block)));
    }
  };
  let opened = open === undefined;
  return new Writable({
    highWaterMark: MAX_BLOCK_BYTES,
    construct: settle(async () => {
      await open?.();
      opened = true;
    }),
    write: (chunk: Buffer, _, callback) => settle(() => send(chunk))(callback),
    writev: (chunks, callback) => {
      const bytes = Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer));
      settle(() => send(bytes))(callback);
    },
    final: settle(async () => {
      if (!ordered) await underWay.answered();
      opened = false;
      await Promise.all([finish(), underWay.answered()]);
    }),
    destroy: (error, callback) => {
      const discarded = (opened ? discard?.() : undefined) ?? Promise.resolve();
      discarded.then(
        () => callback(error),
        failure => callback(error ?? (failure as Error)),
      );
    },
  });
};

/** Turns an asynchronous step into one that calls back. */
const settle =
  (step: () => Promise<unknown>) =>
  (callback: (error?: Error | null) => void): void => {
    step().then(
      () => callback(),
      error => callback(error as Error),
    );
  };
