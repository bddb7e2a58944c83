import { createHash } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import type { ParamsOut, ResultOut } from '../protocol/define.ts';
import { invalidAnswer, invalidParams, limitExceeded } from '../protocol/errors.ts';
import { Fifo } from '../protocol/fifo.ts';
import { MAX_BLOCK_BYTES } from '../protocol/limits.ts';
import { type Requests, requests, type ServerNotifications } from '../protocol/messages.ts';
import type { ClientConnection } from './client-connection.ts';
import { RequestError } from './errors.ts';
import { MAX_COLLECTED_BYTES } from './limits.ts';

/** How a file is written. */
export type WriteFileOptions = {
  /** Whoever reads meanwhile has the old content or the new, and after a failure the old one is still there. */
  readonly atomic?: boolean | undefined;
  /** The permission bits that it gets; a new file gets what the umask leaves, an existing one keeps its own. */
  readonly fileMode?: number | undefined;
};

/** How a file is written in blocks. */
export type WriteStreamOptions = WriteFileOptions & {
  /** Whether the server reads it again and compares; otherwise it looks at the length only. Default: `true`. */
  readonly verify?: boolean | undefined;
};

export type FileMetadata = ResultOut<Requests['fsGetMetadata']>;
export type DirectoryEntry = ResultOut<Requests['fsReadDirectory']>['entries'][number];
export type WalkOptions = Partial<ParamsOut<Requests['fsWalk']>['options']>;
export type WalkResult = ResultOut<Requests['fsWalk']>;

/**
 * Files where the server runs. A path is absolute there, or a `file:` URI, which reaches names that are not UTF-8,
 * too. What fails there is a `RequestError`: `fileNotFound`, `fileRefused`, `fileError`.
 */
export class RemoteFiles {
  readonly #connection: ClientConnection;
  #nextHandle = 1;
  #watchId = 0;
  #onMissingChanged: (() => void) | undefined;

  constructor(connection: ClientConnection) {
    this.#connection = connection;
  }

  /**
   * Reads a whole file; what changes in it meanwhile may be in the result or not.
   *
   * @param maxBytes the longest file that is taken; `createReadStream` reads any
   * @throws {RequestError} `limitExceeded`, for a longer file
   */
  async readFile(path: string, { maxBytes = MAX_COLLECTED_BYTES } = {}): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of this.#wholeOrBlocks(path)) {
      bytes += chunk.length;
      if (bytes > maxBytes)
        throw new RequestError(
          requests.fsReadFile.method,
          limitExceeded('maxBytes', bytes, maxBytes, 'read it as a stream'),
        );
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /** Creates a file or replaces what it holds. */
  async writeFile(path: string, content: Uint8Array | string, options: WriteFileOptions = {}): Promise<void> {
    const bytes = Buffer.from(content as Uint8Array);
    if (bytes.length > MAX_BLOCK_BYTES) {
      await ended(this.createWriteStream(path, options), bytes);
    } else {
      const dataBase64 = bytes.toString('base64');
      await this.#connection.request(requests.fsWriteFile, { path, dataBase64, ...options });
    }
  }

  /** What a path leads to, and whether it is a link itself. */
  stat(path: string): Promise<FileMetadata> {
    return this.#connection.request(requests.fsGetMetadata, { path });
  }

  /** What is in a directory. */
  async readdir(path: string): Promise<DirectoryEntry[]> {
    return (await this.#connection.request(requests.fsReadDirectory, { path })).entries;
  }

  /** What is in a tree, within bounds: see `truncated`. */
  walk(path: string, options: WalkOptions = {}): Promise<WalkResult> {
    return this.#connection.request(requests.fsWalk, { path, options });
  }

  /** The path without links, as a `file:` URI. */
  async realpath(path: string): Promise<string> {
    return (await this.#connection.request(requests.fsCanonicalize, { path })).path;
  }

  /** Creates a directory; with `recursive` also those above it, and one that is there is fine. */
  async mkdir(path: string, { recursive = false } = {}): Promise<void> {
    await this.#connection.request(requests.fsCreateDirectory, { path, recursive });
  }

  /**
   * Copies a file, a link as a link, or with `recursive` a directory.
   *
   * @returns special files in the directory, which are not copied
   */
  async cp(source: string, destination: string, { recursive = false } = {}): Promise<string[]> {
    const params = { sourcePath: source, destinationPath: destination, recursive };
    return (await this.#connection.request(requests.fsCopy, params)).skipped ?? [];
  }

  /** Removes a file, a link or an empty directory; `recursive`: any directory; `force`: also if nothing is there. */
  async rm(path: string, { recursive = false, force = false } = {}): Promise<void> {
    await this.#connection.request(requests.fsRemove, { path, recursive, force });
  }

  /**
   * Reads a file in blocks, with little of it in memory at a time.
   *
   * @param verify whether to fail in the end, with `contentMismatch`, if the file then holds something else than was read
   */
  createReadStream(path: string, { verify = false } = {}): Readable {
    return Readable.from(this.#blocks(path, verify), { objectMode: false, highWaterMark: MAX_BLOCK_BYTES });
  }

  /**
   * Writes a file in blocks. When it finishes, the server has compared what is in the file with what was written, unless
   * told otherwise. If it is destroyed before, an atomic write has not happened; another leaves what was written until then.
   */
  createWriteStream(
    path: string,
    { atomic = false, fileMode, verify = true }: WriteStreamOptions = {},
  ): Writable {
    const handleId = this.#newHandle();
    const request = this.#connection.request.bind(this.#connection);
    const hash = verify ? createHash('sha256') : undefined;
    let offset = 0;
    let opened = false;
    const underWay: Promise<unknown>[] = [];
    const send = async (bytes: Buffer): Promise<void> => {
      for (let from = 0; from < bytes.length; from += MAX_BLOCK_BYTES) {
        const block = bytes.subarray(from, from + MAX_BLOCK_BYTES);
        hash?.update(block);
        if (underWay.length === BLOCKS_UNDER_WAY) await underWay.shift();
        // Whoever wrote it may change it as soon as it is taken.
        const written = request(requests.fsWriteBlock, { handleId, offset, chunk: Buffer.from(block) });
        // Told when it is awaited.
        written.catch(() => {});
        underWay.push(written);
        offset += block.length;
      }
    };
    return new Writable({
      highWaterMark: MAX_BLOCK_BYTES,
      construct: settle(async () => {
        await request(requests.fsOpen, { handleId, path, mode: 'replace', atomic, fileMode });
        opened = true;
      }),
      write: (chunk: Buffer, _, callback) => settle(() => send(chunk))(callback),
      writev: (chunks, callback) => {
        const bytes = Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer));
        settle(() => send(bytes))(callback);
      },
      final: settle(async () => {
        await Promise.all(underWay);
        opened = false;
        const expectSha256 = hash?.digest('hex');
        await request(requests.fsClose, { handleId, expectSize: offset, expectSha256 });
      }),
      destroy: (error, callback) => {
        const dropped = opened ? request(requests.fsClose, { handleId, discard: true }) : Promise.resolve();
        dropped.then(
          () => callback(error),
          failure => callback(error ?? (failure as Error)),
        );
      },
    });
  }

  /**
   * Calls back once when one of these paths has appeared, or `present` is gone. The server watches one set of paths for
   * a connection: a later call takes the place of an earlier one.
   *
   * @returns whether it watches; if not, look again: things are not as given
   */
  async watchMissing(
    { missing, present }: { missing: readonly string[]; present?: string | undefined },
    onChanged: () => void,
  ): Promise<boolean> {
    this.#watchId += 1;
    this.#onMissingChanged = onChanged;
    const params = { watchId: this.#watchId, missing: [...missing], present };
    return (await this.#connection.request(requests.fsWatchMissing, params)).watching;
  }

  /** The server reported that what was missing has changed. */
  onMissingChanged({ watchId }: ParamsOut<ServerNotifications['fsMissingChanged']>): void {
    if (watchId !== this.#watchId) return;
    const onChanged = this.#onMissingChanged;
    this.#onMissingChanged = undefined;
    onChanged?.();
  }

  /** A file in one answer, or in blocks where it is too long for that. */
  async *#wholeOrBlocks(path: string): AsyncGenerator<Buffer> {
    try {
      yield (await this.#connection.request(requests.fsReadFile, { path })).dataBase64;
    } catch (error) {
      if (!(error instanceof RequestError) || error.kind !== 'limitExceeded') throw error;
      yield* this.#blocks(path, false);
    }
  }

  async *#blocks(path: string, verify: boolean): AsyncGenerator<Buffer> {
    const handleId = this.#newHandle();
    const hash = verify ? createHash('sha256') : undefined;
    await this.#connection.request(requests.fsOpen, { handleId, path });
    let expectation = {};
    try {
      const underWay = new Fifo<Promise<ResultOut<Requests['fsReadBlock']>>>();
      let asked = 0;
      const readMore = (upTo: number) => {
        for (; underWay.length < upTo; asked += MAX_BLOCK_BYTES) {
          const params = { handleId, offset: asked, len: MAX_BLOCK_BYTES };
          const block = this.#connection.request(requests.fsReadBlock, params);
          block.catch(() => {});
          underWay.push(block);
        }
      };
      // More with each block that isn't the last: of a short file nothing is asked beyond its end.
      readMore(1);
      for (let ahead = 2; ; ahead = Math.min(2 * ahead, BLOCKS_UNDER_WAY)) {
        const { chunk, eof } = (await underWay.take()) as ResultOut<Requests['fsReadBlock']>;
        checkBlock(chunk, eof);
        // The next are on their way while this one is used.
        if (!eof) readMore(ahead);
        hash?.update(chunk);
        if (chunk.length > 0) yield chunk;
        if (eof) break;
      }
      expectation = { expectSha256: hash?.digest('hex') };
    } finally {
      await this.#connection.request(requests.fsClose, { handleId, ...expectation });
    }
  }

  #newHandle(): string {
    return `f${this.#nextHandle++}`;
  }
}

/**
 * Refuses a block that is longer than was asked for, and a shorter one that is not the last: the next was asked for at
 * the place where it should have ended.
 */
const checkBlock = ({ length }: Buffer, eof: boolean): void => {
  if (eof ? length <= MAX_BLOCK_BYTES : length === MAX_BLOCK_BYTES) return;
  const problem = `expected ${eof ? 'at most ' : ''}${MAX_BLOCK_BYTES} bytes${eof ? '' : ' before the end of the file'}, received ${length}`;
  const { method } = requests.fsReadBlock;
  throw new RequestError(method, invalidAnswer(method, invalidParams('chunk', problem)));
};

/** So many blocks of a file are on their way at once, that a long way costs no time. */
const BLOCKS_UNDER_WAY = 8;

/** An asynchronous step of a stream, as streams want it. */
const settle =
  (act: () => Promise<void>) =>
  (callback: (error?: Error | null) => void): void => {
    act().then(
      () => callback(),
      error => callback(error as Error),
    );
  };

const ended = (stream: Writable, bytes: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    stream.on('error', reject);
    stream.on('close', resolve);
    stream.end(bytes);
  });
