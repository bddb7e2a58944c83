import { limitExceeded } from '../../protocol/errors.ts';
import type { FilePath } from './file-path.ts';
import { MAX_WAITING_FILE_REQUESTS } from './limits.ts';

/** Something that a request works on, and whether it may change it. */
export type PathUse = { readonly key: string; readonly writes: boolean };

type Entry = {
  readonly number: number;
  readonly uses: readonly PathUse[];
  /** Earlier requests that have to be done before this one begins. */
  blockers: number;
  begin: () => void;
};

/**
 * Lets requests about one path take effect in the order of the calls. A request waits for the earlier ones that use the
 * same path, one above it or one below it, unless both only read. It never waits for a later one, so none can wait for
 * another in a circle. All others run concurrently.
 */
export class PathOrder {
  /** In the order of the calls. */
  readonly #pending = new Set<Entry>();
  #waiting = 0;
  #calls = 0;

  /**
   * Does something when its turn has come: before the first `await` of the caller if nothing stands in the way.
   *
   * @throws {ExecServerError} `limitExceeded` when too many requests wait already
   */
  async run<Answer>(uses: readonly PathUse[], act: () => Promise<Answer>): Promise<Answer> {
    const entry: Entry = { number: this.#calls++, uses, blockers: 0, begin: () => {} };
    for (const earlier of this.#pending) if (conflict(earlier, entry)) entry.blockers += 1;
    if (entry.blockers > 0 && this.#waiting >= MAX_WAITING_FILE_REQUESTS) {
      throw limitExceeded('waitingFileRequests', this.#waiting + 1, MAX_WAITING_FILE_REQUESTS);
    }
    this.#pending.add(entry);
    try {
      if (entry.blockers > 0) await this.#turn(entry);
      return await act();
    } finally {
      this.#done(entry);
    }
  }

  async #turn(entry: Entry): Promise<void> {
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

/** The use of a path, by its bytes and whatever links it leads through. */
export const pathUse = (path: FilePath, writes: boolean, platform: NodeJS.Platform): PathUse => {
  const key = FOLDED[platform]?.(String(path)) ?? Buffer.from(path).toString('latin1');
  return { key: key.endsWith('/') ? key : `${key}/`, writes };
};

/** The use of an open file: one thing at a time is done with it. */
export const handleUse = (handleId: string): PathUse => ({
  key: `handle:${Buffer.from(handleId, 'utf16le').toString('hex')}/`,
  writes: true,
});

/** Where names that differ in case only are usually the same. Too much order does no harm. */
const FOLDED: Partial<Record<NodeJS.Platform, (path: string) => string>> = {
  win32: path => path.replaceAll('\\', '/').toLowerCase(),
  darwin: path => path.normalize('NFC').toLowerCase(),
};

const conflict = (one: Entry, other: Entry): boolean =>
  one.uses.some(a => other.uses.some(b => (a.writes || b.writes) && overlap(a.key, b.key)));

/** Whether two places are the same or one is within the other; each key ends with a `/`. */
const overlap = (one: string, other: string): boolean => one.startsWith(other) || other.startsWith(one);
