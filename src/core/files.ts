import { Readable, type Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { ParamsOut, ResultOut } from '../protocol/define.ts';
import type { EnvironmentInfo } from '../protocol/environment.ts';
import { limitExceeded } from '../protocol/errors.ts';
import { MAX_BLOCK_BYTES } from '../protocol/limits.ts';
import { type Requests, requests, type ServerNotifications } from '../protocol/messages.ts';
import { assertSandboxSupported } from './capability-check.ts';
import type { ClientConnection } from './client-connection.ts';
import { RequestError } from './errors.ts';
import { fileWriteStream, type OpenFile, readBlocks } from './file-streams.ts';
import { MAX_COLLECTED_BYTES } from './limits.ts';
import type { Sandbox } from './process.ts';
import type { Windows } from './windows.ts';

/** Options of every access to files. */
export type FileOptions = {
  /** Permissions of the access; refused if the server cannot enforce them. */
  readonly sandbox?: Sandbox | undefined;
};

export type ReadFileOptions = FileOptions & {
  /** The longest file that is read. Default: 256 MiB; `createReadStream` has no limit. */
  readonly maxBytes?: number | undefined;
};

export type WriteFileOptions = FileOptions & {
  /** True to replace the file as a whole: readers get the old or the new content, and a failure leaves the old one. */
  readonly atomic?: boolean | undefined;
  /** The permission bits of the file. Default: a new file follows the umask, an existing one keeps its bits. */
  readonly fileMode?: number | undefined;
};

export type ReadStreamOptions = FileOptions & {
  /** True to fail at the end, with `contentMismatch`, if the file does not contain what was read. */
  readonly verify?: boolean | undefined;
};

export type WriteStreamOptions = WriteFileOptions & {
  /** False to compare the length at the end and not the SHA-256, for which the server reads the file again. */
  readonly verify?: boolean | undefined;
};

export type RecursiveOptions = FileOptions & { readonly recursive?: boolean | undefined };

export type RemoveOptions = RecursiveOptions & {
  /** True to accept a path that does not exist. */
  readonly force?: boolean | undefined;
};

export type FileMetadata = ResultOut<Requests['fs/getMetadata']>;
export type DirectoryEntry = ResultOut<Requests['fs/readDirectory']>['entries'][number];
export type WalkOptions = FileOptions & Partial<ParamsOut<Requests['fs/walk']>['options']>;
export type WalkResult = ResultOut<Requests['fs/walk']>;

/**
 * Files of the server, with the calls of `node:fs/promises`. A path is absolute or a `file:` URI; a URI also reaches
 * names that are not UTF-8. Failures are a `RequestError`: `fileNotFound`, `permissionDenied`, `fileRefused`,
 * `fileError`.
 */
export class RemoteFiles {
  readonly #connection: ClientConnection;
  readonly #info: EnvironmentInfo;
  readonly #windows: Windows;
  #nextHandle = 1;
  #watchId = 0;
  #onMissingChanged: (() => void) | undefined;

  /** @internal */
  constructor(connection: ClientConnection, info: EnvironmentInfo, windows: Windows) {
    this.#connection = connection;
    this.#info = info;
    this.#windows = windows;
  }

  /**
   * Reads a whole file. A change of the file during the call may be in the result or not.
   *
   * @throws {RequestError} `limitExceeded` for a file that is longer than `maxBytes`
   */
  readFile(path: string, encoding: 'utf8'): Promise<string>;
  readFile(path: string, options: ReadFileOptions & { readonly encoding: 'utf8' }): Promise<string>;
  readFile(path: string, options?: ReadFileOptions): Promise<Buffer>;
  async readFile(
    path: string,
    options: 'utf8' | (ReadFileOptions & { readonly encoding?: 'utf8' }) = {},
  ): Promise<Buffer | string> {
    const { maxBytes, encoding, sandbox } = typeof options === 'string' ? { encoding: options } : options;
    const bytes = await this.#collect(path, sandbox, maxBytes);
    return encoding === undefined ? bytes : bytes.toString(encoding);
  }

  /** Creates a file or replaces its content. */
  async writeFile(path: string, content: Uint8Array | string, options: WriteFileOptions = {}): Promise<void> {
    const bytes = Buffer.from(content as Uint8Array);
    if (bytes.length > MAX_BLOCK_BYTES) {
      await finished(this.createWriteStream(path, options).end(bytes));
    } else {
      const dataBase64 = bytes.toString('base64');
      await this.#request(requests['fs/writeFile'], { path, dataBase64, ...options });
    }
  }

  /** Returns the type, size and times of what a path leads to, and whether the path is a link itself. */
  stat(path: string, options: FileOptions = {}): Promise<FileMetadata> {
    return this.#request(requests['fs/getMetadata'], { path, ...options });
  }

  /** Lists a directory. */
  async readdir(path: string, options: FileOptions = {}): Promise<DirectoryEntry[]> {
    return (await this.#request(requests['fs/readDirectory'], { path, ...options })).entries;
  }

  /** Lists a tree within limits: see `truncated` in the result. */
  walk(path: string, { sandbox, ...options }: WalkOptions = {}): Promise<WalkResult> {
    return this.#request(requests['fs/walk'], { path, options, sandbox });
  }

  /** Resolves links in a path. Returns a `file:` URI. */
  async realpath(path: string, options: FileOptions = {}): Promise<string> {
    return (await this.#request(requests['fs/canonicalize'], { path, ...options })).path;
  }

  /** Creates a directory; with `recursive` its parents as well, and an existing one is not an error. */
  async mkdir(path: string, { recursive = false, sandbox }: RecursiveOptions = {}): Promise<void> {
    await this.#request(requests['fs/createDirectory'], { path, recursive, sandbox });
  }

  /**
   * Copies a file, a link as a link, or with `recursive` a directory.
   *
   * @returns special files in the directory, which are not copied
   */
  async cp(
    source: string,
    destination: string,
    { recursive = false, sandbox }: RecursiveOptions = {},
  ): Promise<string[]> {
    const params = { sourcePath: source, destinationPath: destination, recursive, sandbox };
    return (await this.#request(requests['fs/copy'], params)).skipped ?? [];
  }

  /** Removes a file, a link or an empty directory; with `recursive` any directory. */
  async rm(path: string, { recursive = false, force = false, sandbox }: RemoveOptions = {}): Promise<void> {
    await this.#request(requests['fs/remove'], { path, recursive, force, sandbox });
  }

  /** Reads a file in blocks, of which few are in memory. */
  createReadStream(path: string, { verify = false, sandbox }: ReadStreamOptions = {}): Readable {
    const blocks = readBlocks(this.#request, this.#opened(path, sandbox), verify, this.#windows.credit);
    return Readable.from(blocks, { objectMode: false, highWaterMark: MAX_BLOCK_BYTES });
  }

  /**
   * Writes a file in blocks. When the stream finishes, the server has compared the content of the file with what was
   * written. If the stream is destroyed before, an atomic write has no effect; another one leaves what was written.
   */
  createWriteStream(path: string, { sandbox, ...options }: WriteStreamOptions = {}): Writable {
    return fileWriteStream(this.#request, this.#opened(path, sandbox), options, this.#windows.send);
  }

  /**
   * Calls back once when one of the paths `missing` exists, or `present` does not any more. A connection has one such
   * watch: a later call replaces it.
   *
   * @returns true if the server watches; false if the paths are not as given: check them again
   */
  async watchMissing({ missing, present, sandbox }: MissingPaths, onChanged: () => void): Promise<boolean> {
    this.#watchId += 1;
    this.#onMissingChanged = onChanged;
    const params = { watchId: this.#watchId, missing: [...missing], present, sandbox };
    return (await this.#request(requests['fs/watchMissing'], params)).watching;
  }

  /** @internal */
  onMissingChanged({ watchId }: ParamsOut<ServerNotifications['fs/missingChanged']>): void {
    if (watchId !== this.#watchId) return;
    const onChanged = this.#onMissingChanged;
    this.#onMissingChanged = undefined;
    onChanged?.();
  }

  async #collect(
    path: string,
    sandbox: Sandbox | undefined,
    maxBytes = MAX_COLLECTED_BYTES,
  ): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of this.#wholeOrBlocks(path, sandbox)) {
      bytes += chunk.length;
      if (bytes > maxBytes)
        throw new RequestError(
          requests['fs/readFile'].method,
          limitExceeded('maxBytes', bytes, maxBytes, 'read it as a stream'),
        );
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /** Reads a file in one answer, or in blocks if it is too long for that. */
  async *#wholeOrBlocks(path: string, sandbox: Sandbox | undefined): AsyncGenerator<Buffer> {
    try {
      yield (await this.#request(requests['fs/readFile'], { path, sandbox })).dataBase64;
    } catch (error) {
      if (!(error instanceof RequestError) || error.kind !== 'limitExceeded') throw error;
      yield* readBlocks(this.#request, this.#opened(path, sandbox), false, this.#windows.credit);
    }
  }

  #opened(path: string, sandbox: Sandbox | undefined): OpenFile {
    return { handleId: `f${this.#nextHandle++}`, path, sandbox };
  }

  readonly #request: ClientConnection['request'] = async (spec, params) => {
    assertSandboxSupported(spec.method, params as FileOptions, this.#info);
    return this.#connection.request(spec, params);
  };
}

/** Paths that do not exist, and one that does. */
export type MissingPaths = FileOptions & {
  readonly missing: readonly string[];
  readonly present?: string | undefined;
};
