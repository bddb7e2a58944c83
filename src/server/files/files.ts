import { realpath } from 'node:fs/promises';
import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import {
  fileHandleMode,
  invalidContent,
  invalidParams,
  outOfRange,
  shuttingDown,
  unsupported,
} from '../../protocol/errors.ts';
import { fsMissingChanged } from '../../protocol/files.ts';
import { base64Length } from '../../protocol/framing/encode.ts';
import { MAX_BLOCK_BYTES } from '../../protocol/limits.ts';
import type { Requests } from '../../protocol/messages.ts';
import { settledWithin } from '../../system/deadline.ts';
import type { Outbound } from '../connection/outbound.ts';
import type { Grow, PartialAnswers } from '../connection/partial-answers.ts';
import type { AnswerMemory } from '../memory/answer-memory.ts';
import { copy } from './copy.ts';
import { createDirectory } from './create-directory.ts';
import { decodeContent } from './decode-content.ts';
import { onPath } from './file-errors.ts';
import { decoded, type FilePath, type FilePaths, filePaths } from './file-path.ts';
import {
  FILE_SHUTDOWN_MS,
  LISTING_FORMS,
  MAX_CONCURRENT_LISTINGS,
  MAX_FILE_TURNS,
  MAX_LISTING_BYTES,
  MAX_OPEN_FILES,
  MAX_WATCHED_PATHS,
  MIN_FILE_ANSWER_BYTES,
  maxReadFileBytes,
} from './limits.ts';
import { getMetadata } from './metadata.ts';
import { MissingWatch } from './missing-watch.ts';
import { OpenFile } from './open-file.ts';
import { OpenFiles } from './open-files.ts';
import { readDirectory } from './read-directory.ts';
import { readWholeFile } from './read-file.ts';
import { statIfThere } from './regular-file.ts';
import { remove } from './remove.ts';
import { walk } from './walk.ts';
import { Turns } from './weighted-semaphore.ts';
import { writeWholeFile } from './write-file.ts';

type Params<Name extends keyof Requests> = ParamsOut<Requests[Name]>;
type Result<Name extends keyof Requests> = Promise<ResultIn<Requests[Name]>>;

/** What a request may ask for to narrow its access. */
type Narrowing = { readonly sandbox?: unknown; readonly followSymlinks?: boolean | undefined };

/** What the file requests of a connection work on. */
export type FilesContext = {
  readonly platform: NodeJS.Platform;
  readonly outbound: Outbound;
  readonly answers: AnswerMemory;
  readonly parts: PartialAnswers;
  readonly maxFrameBytes: number;
};

/** The file requests of one connection. */
export class Files {
  readonly #paths: FilePaths;
  readonly #answers: AnswerMemory;
  readonly #parts: PartialAnswers;
  readonly #maxFrameBytes: number;
  readonly #open = new OpenFiles(MAX_OPEN_FILES);
  readonly #watch: MissingWatch;
  readonly #turns = new Turns(MAX_FILE_TURNS);
  readonly #listings = new Turns(MAX_CONCURRENT_LISTINGS);
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #stopping = new AbortController();
  #refusing = false;

  constructor({ platform, outbound, answers, parts, maxFrameBytes }: FilesContext) {
    this.#paths = filePaths(platform);
    this.#answers = answers;
    this.#parts = parts;
    this.#maxFrameBytes = maxFrameBytes;
    this.#watch = new MissingWatch(this.#paths, watchId => outbound.notify(fsMissingChanged, { watchId }));
  }

  readFile(params: Params<'fs/readFile'>): Result<'fs/readFile'> {
    return this.#do(params, async () => {
      const { path } = params;
      const file = this.#path('path', path);
      const uri = this.#paths.uri(file);
      const size = (await onPath(uri, () => statIfThere(file)))?.size ?? 0;
      const maxBytes = maxReadFileBytes(this.#maxFrameBytes);
      return this.#answering(Math.min(size, maxBytes), async () => ({
        dataBase64: await readWholeFile(file, uri, maxBytes),
      }));
    });
  }

  writeFile(params: Params<'fs/writeFile'>): Result<'fs/writeFile'> {
    return this.#do(params, async () => {
      const { path, dataBase64, ...how } = params;
      const file = this.#path('path', path);
      return this.#inTurn(async () => {
        const bytes = await decodeContent(dataBase64);
        if (bytes === undefined) throw invalidContent('dataBase64');
        await writeWholeFile(file, bytes, how, this.#paths);
        return {};
      });
    });
  }

  createDirectory(params: Params<'fs/createDirectory'>): Result<'fs/createDirectory'> {
    return this.#do(params, async () => {
      const { path, recursive } = params;
      const directory = this.#path('path', path);
      await createDirectory(directory, recursive, this.#paths);
      return {};
    });
  }

  getMetadata(params: Params<'fs/getMetadata'>): Result<'fs/getMetadata'> {
    return this.#do(params, async () => {
      const { path } = params;
      const file = this.#path('path', path);
      return getMetadata(file, this.#paths.uri(file));
    });
  }

  canonicalize(params: Params<'fs/canonicalize'>): Result<'fs/canonicalize'> {
    return this.#do(params, async () => {
      const { path } = params;
      const file = this.#path('path', path);
      const real = await onPath(this.#paths.uri(file), () => realpath(file, { encoding: 'buffer' }));
      return { path: this.#paths.uri(decoded(real)) };
    });
  }

  readDirectory(params: Params<'fs/readDirectory'>): Result<'fs/readDirectory'> {
    return this.#do(params, async () => {
      const { path } = params;
      const directory = this.#path('path', path);
      return this.#listing(grow => readDirectory(directory, this.#paths, this.#maxListingBytes, grow));
    });
  }

  walk(params: Params<'fs/walk'>): Result<'fs/walk'> {
    return this.#do(params, async () => {
      const { path, options } = params;
      const root = this.#path('path', path);
      const { signal } = this.#stopping;
      const context = { paths: this.#paths, maxBytes: this.#maxListingBytes, signal };
      return this.#listing(grow => walk(root, options, { ...context, grow }));
    });
  }

  remove(params: Params<'fs/remove'>): Result<'fs/remove'> {
    return this.#do(params, async () => {
      const { path, ...how } = params;
      const context = { paths: this.#paths, signal: this.#stopping.signal };
      await remove(this.#path('path', path), how, context);
      return {};
    });
  }

  copy(params: Params<'fs/copy'>): Result<'fs/copy'> {
    return this.#do(params, async () => {
      const { sourcePath, destinationPath, recursive } = params;
      const [source, destination] = [
        this.#path('sourcePath', sourcePath),
        this.#path('destinationPath', destinationPath),
      ];
      return this.#inTurn(() =>
        this.#parts.making(async grow => {
          const context = { paths: this.#paths, signal: this.#stopping.signal, grow };
          const skipped = await copy(source, destination, recursive, context);
          return skipped.length === 0 ? {} : { skipped };
        }),
      );
    });
  }

  open(params: Params<'fs/open'>): Result<'fs/open'> {
    return this.#do(params, async () => {
      const { handleId, path, ...how } = params;
      if (how.atomic && how.mode !== 'replace') throw invalidParams('atomic', 'only with mode "replace"');
      const file = this.#path('path', path);
      await this.#open.open(handleId, () => OpenFile.open(file, how, this.#paths));
      return { handleId };
    });
  }

  /** Whether a client holds a file open by this name. */
  isOpen(handleId: string): boolean {
    return this.#open.has(handleId);
  }

  readBlock({ handleId, offset, len }: Params<'fs/readBlock'>): Result<'fs/readBlock'> {
    return this.#do({}, async () => {
      if (len < 1 || len > MAX_BLOCK_BYTES) throw outOfRange('len', len, 1, MAX_BLOCK_BYTES);
      return this.#open.use(handleId, async file => {
        if (file.mode !== 'read') throw fileHandleMode(handleId, file.mode);
        return this.#answering(len, () => file.read(offset, len));
      });
    });
  }

  writeBlock({ handleId, offset, chunk }: Params<'fs/writeBlock'>): Result<'fs/writeBlock'> {
    return this.#do({}, async () => {
      if (chunk.length < 1 || chunk.length > MAX_BLOCK_BYTES) {
        throw outOfRange('chunk', chunk.length, 1, MAX_BLOCK_BYTES);
      }
      return this.#open.use(handleId, async file => {
        if (file.mode === 'read') throw fileHandleMode(handleId, file.mode);
        await file.write(offset, chunk);
        return {};
      });
    });
  }

  close({ handleId, ...how }: Params<'fs/close'>): Result<'fs/close'> {
    return this.#do({}, async () => {
      await this.#open.close(handleId, how);
      return {};
    });
  }

  watchMissing(params: Params<'fs/watchMissing'>): Result<'fs/watchMissing'> {
    return this.#do(params, async () => {
      const { watchId, present } = params;
      // Of more nothing is watched, whatever they are.
      const missing = params.missing.length > MAX_WATCHED_PATHS ? [] : params.missing;
      const what = {
        missing: missing.map((path, index) => this.#path(`missing[${index}]`, path)),
        present: present === undefined ? undefined : this.#path('present', present),
      };
      return { watching: await this.#watch.start(watchId, what) };
    });
  }

  /**
   * Ends all. What was asked before has some time to be done, the rest is cut short; what the client has not closed is
   * dropped where it can be. Later requests are refused.
   */
  async stop(): Promise<void> {
    this.#refusing = true;
    this.#watch.stop();
    await settledInTime(this.#underWay);
    this.#stopping.abort(shuttingDown());
    // Nothing helps against a file system that doesn't answer.
    await settledInTime([this.#open.abandonAll(), ...this.#underWay]);
  }

  get #maxListingBytes(): number {
    return Math.min(MAX_LISTING_BYTES, maxReadFileBytes(this.#maxFrameBytes));
  }

  #path(field: string, value: string): FilePath {
    return this.#paths.parse(field, value);
  }

  /** What is the same for all requests: what narrows is refused, and nothing begins once the server ends. */
  async #do<Answer>(narrowing: Narrowing, act: () => Promise<Answer>): Promise<Answer> {
    // Whoever has these requests confined has them done elsewhere; what still says so must not be done here.
    if (narrowing.sandbox !== undefined) throw unsupported('sandbox', 'here files are accessed unconfined');
    if (narrowing.followSymlinks === false) {
      throw unsupported('followSymlinks', 'this server follows the links in a path');
    }
    if (this.#refusing) throw shuttingDown();
    const answer = act();
    this.#underWay.add(answer);
    try {
      return await answer;
    } finally {
      this.#underWay.delete(answer);
    }
  }

  /** Bounds the descriptors that requests hold. */
  async #inTurn<Answer>(act: () => Promise<Answer>, turns = this.#turns): Promise<Answer> {
    const release = await turns.take(1);
    try {
      this.#stopping.signal.throwIfAborted();
      return await act();
    } finally {
      release();
    }
  }

  /** Answers with so many bytes, or fewer, when there is memory for them and for their base64. */
  #answering<Answer>(bytes: number, act: () => Promise<Answer>): Promise<Answer> {
    const memory = Math.max(bytes + base64Length(bytes), MIN_FILE_ANSWER_BYTES);
    return this.#answers.making(memory, () => this.#inTurn(act));
  }

  /** Answers with a listing, whose length is known only in the end. */
  #listing<Answer>(list: (grow: Grow) => Promise<Answer>): Promise<Answer> {
    const inParts = () =>
      this.#parts.making(async grow => {
        let bytes = MIN_FILE_ANSWER_BYTES;
        const answer = await list(more => {
          bytes += more;
          return grow(more);
        });
        return this.#answers.making(LISTING_FORMS * bytes, () => answer);
      });
    return this.#inTurn(inParts, this.#listings);
  }
}

const settledInTime = (promises: Iterable<Promise<unknown>>): Promise<unknown> =>
  settledWithin(Promise.allSettled(promises), FILE_SHUTDOWN_MS);
