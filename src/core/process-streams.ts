import { Readable, type Writable } from 'node:stream';
import { blockWritable } from './block-writable.ts';
import type { OutputChunk } from './output-queue.ts';
import type { RemoteProcess } from './process.ts';
import type { SendWindow } from './send-window.ts';

/** Ctrl-D, which a terminal turns into the end of input. */
const END_OF_TRANSMISSION = '\u0004';

/** Creates the stream that writes to the stdin of a process. */
export const stdinStream = (
  process: Pick<RemoteProcess, 'write' | 'closeStdin'>,
  terminal: boolean,
  window: SendWindow,
): Writable => {
  const write = async (bytes: Buffer | string) => {
    if (await process.write(bytes)) return;
    throw Object.assign(new Error('write EPIPE: the process has closed its stdin'), { code: 'EPIPE' });
  };
  const finish = () => (terminal ? write(END_OF_TRANSMISSION) : process.closeStdin());
  const stream = blockWritable({ write, finish, ordered: true }, window);
  return withoutUncaughtErrors(stream);
};

/** Output of a process as two streams. */
export type OutputStreams = { readonly stdout: Readable; readonly stderr: Readable };

/** Creates the streams that read output. They become its reader at the first read of one of them. */
export const outputStreams = (output: AsyncIterable<OutputChunk>): OutputStreams => {
  let started = false;
  const start = () => {
    if (started) return;
    started = true;
    void pump();
  };
  const [stdout, stderr] = [new OutputStream(start), new OutputStream(start)];
  const pump = async () => {
    try {
      for await (const { stream, chunk } of output) {
        const target = stream === 'stderr' ? stderr : stdout;
        if (!target.destroyed && chunk.length > 0 && !target.push(chunk)) await target.drained();
      }
      for (const stream of [stdout, stderr]) stream.push(null);
    } catch (error) {
      for (const stream of [stdout, stderr]) stream.destroy(error as Error);
    }
  };
  return { stdout, stderr };
};

class OutputStream extends Readable {
  readonly #onRead: () => void;
  #onDrained: () => void = () => {};

  constructor(onRead: () => void) {
    super();
    this.#onRead = onRead;
    withoutUncaughtErrors(this);
  }

  /** Resolves when the stream has room again or is destroyed. */
  drained(): Promise<void> {
    return new Promise(resolve => {
      this.#onDrained = resolve;
    });
  }

  override _read(): void {
    this.#onRead();
    this.#onDrained();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#onDrained();
    callback(error);
  }
}

/** Keeps an error from ending the program where only the other stream, or `exit`, is awaited. */
const withoutUncaughtErrors = <Stream extends Readable | Writable>(stream: Stream): Stream => {
  stream.on('error', () => {});
  return stream;
};
