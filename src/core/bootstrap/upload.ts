import { createHash } from 'node:crypto';
import { Readable, Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import type { InstallationManifest } from '../../protocol/installation.ts';
import { startTimer } from '../../system/deadline.ts';
import type { PackagedFile } from './packaged-files.ts';

/** The progress of an upload. */
export type UploadProgress = {
  readonly part: 'runtime' | 'server';
  readonly sentBytes: number;
  readonly totalBytes: number;
};

export type OnProgress = (progress: UploadProgress) => void;

/** Options of an upload. */
export type UploadOptions = {
  readonly onProgress?: OnProgress | undefined;
  /** Time after which an upload without progress is cancelled, in milliseconds. Default: none. */
  readonly answerTimeoutMs?: number | undefined;
};

/** A Node for a host, packed. */
export type Runtime = {
  /** Name of its directory on the host. */
  readonly name: string;
  /** SHA-256 of the unpacked file, in hexadecimal. */
  readonly digest: string;
  readonly packing: 'gzip' | 'none';
  readonly packedSize: number;
  open(): Readable;
};

/** Sends a runtime as the answer to `need runtime`. */
export const sendRuntime = (
  output: Writable,
  { packedSize, digest, packing, name, open }: Runtime,
  options: UploadOptions,
): Promise<void> => {
  output.write(`${packedSize} ${digest} ${packing} ${name}\n`);
  return send(output, open(), 'runtime', packedSize, options);
};

/** Sends the installer and files as the answer to `need server`. */
export const sendServer = (
  output: Writable,
  installer: string,
  files: readonly PackagedFile[],
  options: UploadOptions,
): Promise<void> => {
  const packed = gzipSync(Buffer.concat(files.map(({ content }) => content)));
  const manifest: InstallationManifest = {
    packedBytes: packed.length,
    files: files.map(({ path, mode, content }) => ({
      path,
      mode,
      bytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    })),
  };
  output.write(`${installer}\n${JSON.stringify(manifest)}\n`);
  return send(output, Readable.from(slices(packed)), 'server', packed.length, options);
};

/** Small enough to show the progress of an upload. */
const SLICE_BYTES = 64 * 1024;

function* slices(content: Buffer): Generator<Buffer> {
  for (let at = 0; at < content.length; at += SLICE_BYTES) yield content.subarray(at, at + SLICE_BYTES);
}

const send = (
  output: Writable,
  content: Readable,
  part: UploadProgress['part'],
  totalBytes: number,
  { onProgress, answerTimeoutMs }: UploadOptions,
): Promise<void> => {
  let sentBytes = 0;
  const stalled = new AbortController();
  const startLimit = () =>
    answerTimeoutMs === undefined ? undefined : startTimer(answerTimeoutMs, () => stalled.abort());
  let limit = startLimit();
  const counter = new Transform({
    transform(chunk: Buffer, _, done) {
      sentBytes += chunk.length;
      onProgress?.({ part, sentBytes, totalBytes });
      limit?.cancel();
      limit = startLimit();
      done(null, chunk);
    },
  });
  return pipeline(content, counter, output, { end: false, signal: stalled.signal }).finally(() =>
    limit?.cancel(),
  );
};
