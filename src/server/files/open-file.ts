import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { ExecServerError } from '../../protocol/errors.ts';
import { readFully, writeFully } from './blocks.ts';
import { checkContent, type Expectation } from './expectation.ts';
import { onPath } from './file-errors.ts';
import type { FilePaths } from './file-path.ts';
import type { Place } from './place.ts';
import { empty, openRegular } from './regular-file.ts';
import { Replacement } from './replacement.ts';

/** The mode of an open file, as in `fs/open`. */
export type OpenMode = 'read' | 'replace' | 'create' | 'update';

export type OpenOptions = {
  readonly mode: OpenMode;
  readonly atomic: boolean;
  readonly fileMode?: number | undefined;
};

/** A part of a file; `eof` if it is shorter than requested. */
export type Block = { readonly chunk: Buffer; readonly eof: boolean };

/** A file that a client holds open. Its methods must not be called concurrently. */
export class OpenFile {
  readonly mode: OpenMode;
  readonly #handle: FileHandle;
  readonly #uri: string;
  readonly #replacement: Replacement | undefined;
  #failure: unknown;

  private constructor(handle: FileHandle, uri: string, mode: OpenMode, replacement?: Replacement) {
    this.#handle = handle;
    this.#uri = uri;
    this.mode = mode;
    this.#replacement = replacement;
  }

  /**
   * Opens a regular file.
   *
   * @throws {ExecServerError} `fileRefused`, `fileNotFound`, `fileError`
   */
  static async open(place: Place, options: OpenOptions, paths: FilePaths): Promise<OpenFile> {
    const { uri } = place;
    const { mode, atomic, fileMode } = options;
    if (atomic) {
      const replacement = await Replacement.begin(place, fileMode, paths);
      return new OpenFile(replacement.handle, uri, mode, replacement);
    }
    return new OpenFile(await openInPlace(place, options), uri, mode);
  }

  read(offset: number, length: number): Promise<Block> {
    return onPath(this.#uri, async () => {
      const chunk = Buffer.allocUnsafe(length);
      const read = await readFully(this.#handle, chunk, offset);
      return { chunk: chunk.subarray(0, read), eof: read < length };
    });
  }

  async write(offset: number, chunk: Buffer): Promise<void> {
    try {
      await onPath(this.#uri, () => writeFully(this.#handle, chunk, offset));
    } catch (error) {
      // A close that was sent already must not commit an incomplete file.
      this.#failure ??= error;
      throw error;
    }
  }

  /**
   * Closes the file. An atomic write replaces the target.
   *
   * @throws {ExecServerError} `contentMismatch`, or the error of an earlier write: then an atomic write is discarded
   */
  async close(expectation: Expectation): Promise<void> {
    try {
      if (this.#failure !== undefined) throw this.#failure;
      await checkContent(this.#handle, this.#uri, expectation);
      await this.#replacement?.commit();
    } finally {
      // No effect on a replacement that is committed.
      await this.drop();
    }
  }

  /** Closes the file. An atomic write is discarded. */
  async drop(): Promise<void> {
    if (this.#replacement !== undefined) await this.#replacement.discard();
    else await this.#handle.close().catch(() => {});
  }
}

const openInPlace = async (place: Place, { mode, fileMode }: OpenOptions): Promise<FileHandle> => {
  const { location, uri, noFollow } = place;
  if (mode === 'read') return openRegular(location, uri, constants.O_RDONLY | noFollow);
  const handle = await openToWrite(place, mode, fileMode);
  try {
    await onPath(uri, async () => {
      if (mode === 'replace') await empty(handle, fileMode);
      else if (fileMode !== undefined) await handle.chmod(fileMode);
    });
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
};

// Also readable, to verify the content, unless permissions forbid it.
const openToWrite = async (
  { location, uri, noFollow }: Place,
  mode: OpenMode,
  fileMode: number | undefined,
): Promise<FileHandle> => {
  const flags = constants.O_CREAT | (mode === 'create' ? constants.O_EXCL : 0) | noFollow;
  try {
    return await openRegular(location, uri, flags | constants.O_RDWR, fileMode);
  } catch (error) {
    if (!(error instanceof ExecServerError) || error.data.errno !== 'EACCES') throw error;
    return openRegular(location, uri, flags | constants.O_WRONLY, fileMode);
  }
};
