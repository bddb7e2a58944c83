import { lstat, stat } from 'node:fs/promises';
import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import { ExecServerError, outOfRange } from '../../protocol/errors.ts';
import type { fsWalk } from '../../protocol/files.ts';
import { MAX_WALK_DEPTH, MAX_WALK_DIRECTORIES, MAX_WALK_ENTRIES } from '../../protocol/limits.ts';
import { Fifo } from '../../system/fifo.ts';
import { TimeSlice } from '../../system/time-slice.ts';
import { type Grow, growFreely } from '../memory/partial-answers.ts';
import { isDirectory } from './create-directory.ts';
import { asFileError, onPath } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { MAX_WALK_ERRORS } from './limits.ts';
import { type DirectoryEntry, type Listing, listDirectory } from './list-directory.ts';

type Result = ResultIn<typeof fsWalk>;
export type WalkOptions = ParamsOut<typeof fsWalk>['options'];

/** The context of a walk. */
export type WalkContext = {
  readonly paths: FilePaths;
  /** The maximum length of the answer as text. */
  readonly maxBytes: number;
  /** Aborts the walk with its reason. */
  readonly signal: AbortSignal;
  /** Takes memory for the result. */
  readonly grow?: Grow | undefined;
};

/**
 * Lists a tree, level by level. Directories that cannot be read are listed as errors.
 *
 * @throws {ExecServerError} `outOfRange` for the options; `fileNotFound` or `fileError` for the root
 */
export const walk = async (root: FilePath, options: WalkOptions, context: WalkContext): Promise<Result> => {
  checkRange(options);
  return new Walk(options, context).from(root);
};

const checkRange = ({ maxDepth, maxDirectories, maxEntries }: WalkOptions): void => {
  const ranges: Array<[name: string, value: number, min: number, max: number]> = [
    ['maxDepth', maxDepth, 0, MAX_WALK_DEPTH],
    ['maxDirectories', maxDirectories, 1, MAX_WALK_DIRECTORIES],
    ['maxEntries', maxEntries, 1, MAX_WALK_ENTRIES],
  ];
  for (const [name, value, min, max] of ranges) {
    if (value < min || value > max) throw outOfRange(`options.${name}`, value, min, max);
  }
};

type Directory = { readonly path: FilePath; readonly depth: number };

class Walk {
  readonly #options: WalkOptions;
  readonly #context: WalkContext;
  readonly #result: { entries: Result['entries']; errors: Result['errors']; truncated: boolean } = {
    entries: [],
    errors: [],
    truncated: false,
  };
  /** Directories to enter. */
  readonly #next = new Fifo<Directory>();
  /** Directories that were found, by device and inode; only if links are followed, which may lead to one again. */
  readonly #found = new Set<string>();
  #examined = 0;
  #bytes = 0;
  /** Bytes for which memory was taken. */
  #counted = 0;
  #stopped = false;
  readonly #slice = new TimeSlice();

  constructor(options: WalkOptions, context: WalkContext) {
    this.#options = options;
    this.#context = context;
  }

  async from(root: FilePath): Promise<Result> {
    const enter = await onPath(this.#uri(root), async () => {
      if (!(await stat(root)).isDirectory()) return false;
      return this.#options.followDirectorySymlinks || !(await lstat(root)).isSymbolicLink();
    });
    if (!enter) return this.#result;
    if (this.#options.followDirectorySymlinks) await this.#isNew(root);
    this.#next.push({ path: root, depth: 0 });
    for (let entered = 0; this.#next.length > 0 && !this.#stopped; entered += 1) {
      this.#context.signal.throwIfAborted();
      if (entered === this.#options.maxDirectories) this.#stop();
      else await this.#enter(this.#next.take() as Directory);
    }
    return this.#result;
  }

  async #enter(directory: Directory): Promise<void> {
    const { grow = growFreely } = this.#context;
    const listed = await this.#listed(directory.path, grow);
    if (listed === undefined) return;
    if (listed.truncated) this.#result.truncated = true;
    await this.#examineAll(listed.entries, directory);
    await grow(-listed.bytes);
    await this.#takeMemory(grow);
  }

  /** Lists a directory. Returns `undefined` if it cannot be read, and adds the error. */
  async #listed(path: FilePath, grow: Grow): Promise<Listing | undefined> {
    try {
      return await listDirectory(path, this.#context.paths, grow);
    } catch (error) {
      this.#fail(path, error);
      return undefined;
    }
  }

  /** Takes memory for the entries since the last call. */
  async #takeMemory(grow: Grow): Promise<void> {
    const found = this.#bytes + this.#next.length * QUEUED_DIRECTORY_BYTES;
    const more = found - this.#counted;
    if (Math.abs(more) < MIN_GROWTH_BYTES) return;
    this.#counted = found;
    await grow(more);
  }

  async #examineAll(entries: readonly DirectoryEntry[], directory: Directory): Promise<void> {
    for (const entry of entries) {
      if (this.#examined === this.#options.maxEntries) {
        this.#stop();
        return;
      }
      this.#examined += 1;
      if (this.#slice.over) await this.#slice.next();
      await this.#examine(entry, directory);
      if (this.#stopped) return;
    }
  }

  async #examine({ name, kind }: DirectoryEntry, directory: Directory): Promise<void> {
    const path = this.#context.paths.child(directory.path, name);
    const follow = this.#options.followDirectorySymlinks;
    const isFollowed = kind === 'symlink' && follow && (await isDirectory(path));
    const shown = isFollowed ? 'directory' : kind;
    if (shown === 'file' || shown === 'directory' || this.#options.allKinds) this.#list(path, shown);
    if (shown !== 'directory' || directory.depth === this.#options.maxDepth) return;
    if (this.#options.pruneHiddenDirectories && name[0] === DOT) return;
    try {
      if (!follow || (await this.#isNew(path))) this.#next.push({ path, depth: directory.depth + 1 });
    } catch (error) {
      this.#fail(path, error);
    }
  }

  #list(path: FilePath, kind: Result['entries'][number]['kind']): void {
    const uri = this.#uri(path);
    if (this.#fits(uri)) this.#result.entries.push({ path: uri, kind });
  }

  #fail(path: FilePath, error: unknown): void {
    const uri = this.#uri(path);
    const fileError = asFileError(uri, error);
    if (!(fileError instanceof ExecServerError)) throw fileError;
    if (this.#result.errors.length === MAX_WALK_ERRORS) {
      this.#result.truncated = true;
    } else if (this.#fits(uri + fileError.message)) {
      this.#result.errors.push({
        path: uri,
        message: fileError.message,
        errno: String(fileError.data.errno),
      });
    }
  }

  /** Counts text of the answer. Returns false if it is too long, which ends the walk. */
  #fits(text: string): boolean {
    // URIs are ASCII, and the JSON around each is shorter than the overhead.
    this.#bytes += text.length + ENTRY_OVERHEAD_BYTES;
    if (this.#bytes <= this.#context.maxBytes) return true;
    this.#stop();
    return false;
  }

  #stop(): void {
    this.#result.truncated = true;
    this.#stopped = true;
  }

  /** Returns true if a directory is found for the first time. */
  async #isNew(path: FilePath): Promise<boolean> {
    const { dev, ino } = await stat(path, { bigint: true });
    const identity = `${dev}:${ino}`;
    if (this.#found.has(identity)) return false;
    this.#found.add(identity);
    return true;
  }

  #uri(path: FilePath): string {
    return this.#context.paths.uri(path);
  }
}

const ENTRY_OVERHEAD_BYTES = 64;

/** Memory of a directory to enter. */
const QUEUED_DIRECTORY_BYTES = 512;

const MIN_GROWTH_BYTES = 64 * 1024;

const DOT = 0x2e;
