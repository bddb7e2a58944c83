import { limitExceeded } from '../../protocol/errors.ts';
import type { FilePath } from './file-path.ts';
import { MAX_WAITING_FILE_REQUESTS } from './limits.ts';

/** A path or handle that a request uses, and if the request may change it. */
export type PathUse = { readonly key: string; readonly writes: boolean };

type Entry = {
  readonly number: number;
  readonly uses: readonly PathUse[];
  /** The number of earlier requests that this one waits for. */
  blockers: number;
  begin: () => void;
};

/**
 * The order of requests about one path. A request waits for the earlier ones that use the same path, one above it or
 * one below it, unless both only read. It never waits for a later one, so there is no deadlock. All others run
 * concurrently.
 */
export class PathOrder {
  /** In the order of the calls. */
  readonly #pending = new Set<Entry>();
  #waiting = 0;
  #calls = 0;

  /**
   * Runs a request after the earlier ones that it conflicts with; synchronously if there are none.
   *
   * @throws {ExecServerError} `limitExceeded` if too many requests wait already
   */
  async run<Answer>(uses: readonly PathUse[], act: () => Promise<Answer>): Promise<Answer> {
    const entry: Entry = { number: this.#calls++, uses, blockers: 0, begin: () => {} };
    for (const earlier of this.#pending) if (conflict(earlier, entry)) entry.blockers += 1;
    if (entry.blockers > 0 && this.#waiting >= MAX_WAITING_FILE_REQUESTS) {
      throw limitExceeded('waitingFileRequests', this.#waiting + 1, MAX_WAITING_FILE_REQUESTS);
    }
    this.#pending.add(entry);
    try {
      if (entry.blockers > 0) await this.#waitForEarlier(entry);
      return await act();
    } finally {
      this.#done(entry);
    }
  }

  async #waitForEarlier(entry: Entry): Promise<void> {
    this.#waiting += 1;
    await new Promise<void>(resolve => {
      entry.begin = resolve;
    });
    this.#waiting -= 1;
  }

  #done(entry: Entry): void {
    this.#pending.delete(entry);
    for (const later of this.#pending) {
      if (later.number < entry.number || !conflict(entry, later)) continue;
      later.blockers -= 1;
      if (later.blockers === 0) later.begin();
    }
  }
}

/** The use of a path. Paths are compared by their bytes; links are not resolved. */
export const pathUse = (path: FilePath, writes: boolean, platform: NodeJS.Platform): PathUse => {
  const key = FOLDED[platform]?.(String(path)) ?? Buffer.from(path).toString('latin1');
  return { key: key.endsWith('/') ? key : `${key}/`, writes };
};

/** The use of an open file, whose operations run one after the other. */
export const handleUse = (handleId: string): PathUse => ({
  key: `handle:${Buffer.from(handleId, 'utf16le').toString('hex')}/`,
  writes: true,
});

/** Platforms whose file systems usually ignore case. Ordering too many requests is harmless. */
const FOLDED: Partial<Record<NodeJS.Platform, (path: string) => string>> = {
  win32: path => path.replaceAll('\\', '/').toLowerCase(),
  darwin: path => path.normalize('NFC').toLowerCase(),
};

const conflict = (one: Entry, other: Entry): boolean =>
  one.uses.some(a => other.uses.some(b => (a.writes || b.writes) && overlap(a.key, b.key)));

/** True if two keys are equal or one contains the other; each key ends with `/`. */
const overlap = (one: string, other: string): boolean => one.startsWith(other) || other.startsWith(one);
