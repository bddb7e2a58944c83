import { closeSync, constants, openSync, readSync } from 'node:fs';
import { fileId, type PinnedFile, pinFile } from './pinned-file.ts';

type PipeFacts = {
  readonly direction: 'input' | 'output';
  readonly path: string;
  /** Our end, which is non-blocking. */
  readonly ours: number;
  /** The child's end, which blocks, as programs expect of their streams. */
  readonly childs: number;
};

/**
 * One use of a FIFO as a pipe to or from a child. It ends when our end is closed and no other process has it open. Until
 * then the FIFO keeps its name, and with it its inode.
 */
export class NamedPipe implements PipeFacts {
  readonly direction: 'input' | 'output';
  readonly path: string;
  readonly ours: number;
  readonly childs: number;
  readonly #onEnd: (reusable: boolean) => void;
  #state: 'open' | 'cut' | 'closed' | 'over' = 'open';
  #searches = 0;
  #wasSearched = false;

  /** @param onEnd called once; a FIFO that was searched for must not be used again */
  constructor({ direction, path, ours, childs }: PipeFacts, onEnd: (reusable: boolean) => void) {
    this.direction = direction;
    this.path = path;
    this.ours = ours;
    this.childs = childs;
    this.#onEnd = onEnd;
  }

  /** True if other processes may have it open although our end is closed or about to be, or read it as input. */
  get isHeld(): boolean {
    if (this.#state === 'open') return this.direction === 'input' && hasReaders(this.path);
    return this.#state !== 'over';
  }

  /** Pins it for a search, after which it is never reused; `undefined` when its use is over. */
  pin(): PinnedFile | undefined {
    if (this.#state === 'over') return undefined;
    const pinned = pinFile(this.path) ?? this.#pinByName();
    if (pinned === undefined) return undefined;
    this.#searches += 1;
    this.#wasSearched = true;
    return {
      ...pinned,
      release: () => {
        pinned.release();
        this.#searches -= 1;
      },
    };
  }

  /** Notes that our end of an output is about to be closed before end of file. */
  cut(): void {
    if (this.#state === 'open') this.#state = 'cut';
  }

  /**
   * Notes that our end is closed.
   *
   * @param ended true if it was read to end of file, so that no process can write any more
   */
  closed(ended: boolean): void {
    this.#state = 'closed';
    this.#endUnlessHeld(ended, FIRST_CHECK_MS);
  }

  /** Closes both ends after a start that failed. */
  abandon(): void {
    closeSync(this.ours);
    closeSync(this.childs);
    this.closed(true);
  }

  /**
   * Each check lets processes continue that open an input by name: unlike with a pipe, an open of a FIFO for reading waits
   * for a writer even if there was one before. A check of an output swallows bytes written in that moment, so these checks
   * become rare.
   */
  #endUnlessHeld(ended: boolean, waitMs: number): void {
    if (this.#searches === 0 && !hasReaders(this.path) && (ended || !hasWriters(this.path))) {
      this.#state = 'over';
      this.#onEnd(!this.#wasSearched);
      return;
    }
    const nextMs = Math.min(waitMs * 2, LAST_CHECK_MS[this.direction]);
    setTimeout(() => this.#endUnlessHeld(false, nextMs), waitMs).unref();
  }

  // Out of descriptors: its name pins the inode during the search.
  #pinByName(): PinnedFile | undefined {
    const id = fileId(this.path);
    return id && { ...id, path: this.path, release: () => {} };
  }
}

const FIRST_CHECK_MS = 10;
const LAST_CHECK_MS = { input: 500, output: 60_000 };

/** Returns true if a process reads a pipe. Without a reader a non-blocking open for writing fails. */
export const hasReaders = (path: string): boolean => {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
    return true;
  } catch (error) {
    // ENOENT: another process has removed it, which the next one to take it finds out.
    const code = (error as NodeJS.ErrnoException).code;
    return code !== 'ENXIO' && code !== 'ENOENT';
  }
};

// Without a writer a read finds the end of the file; with one it would have to wait.
const hasWriters = (path: string): boolean => {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return readSync(fd, Buffer.alloc(1)) > 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
};
