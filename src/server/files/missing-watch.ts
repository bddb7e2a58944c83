import { type FSWatcher, watch } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import { isNotFound, isSystemError } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { MAX_WATCHED_PATHS, MISSING_RECHECK_MS } from './limits.ts';
import { type NearestDirectory, nearestDirectories, type Watchable } from './nearest-directories.ts';

/** The one watch of a connection, by the number that the client gave it. */
export class MissingWatch {
  readonly #paths: FilePaths;
  readonly #changed: (watchId: number) => void;
  readonly #recheckMs: number;
  #lastId = -1;
  #watch: Watch | undefined;

  /**
   * @param changed told when what was missing appears, or what was there is gone; the watch is over then
   * @param recheckMs how often it looks by itself
   */
  constructor(paths: FilePaths, changed: (watchId: number) => void, recheckMs = MISSING_RECHECK_MS) {
    this.#paths = paths;
    this.#changed = changed;
    this.#recheckMs = recheckMs;
  }

  /**
   * Watches in place of what was watched before. Nothing is told before the caller could send the answer.
   *
   * @returns whether it watches: not if things are no longer so, nor for a number that isn't higher than all before
   */
  async start(watchId: number, what: Watchable): Promise<boolean> {
    if (watchId <= this.#lastId) return false;
    this.#lastId = watchId;
    this.stop();
    if (what.missing.length === 0 || what.missing.length > MAX_WATCHED_PATHS) return false;
    const begun = new Watch(what, this.#paths, this.#recheckMs);
    this.#watch = begun;
    const watching = (await begun.begin()) && this.#watch === begun;
    if (watching) setImmediate(() => begun.tell(() => this.#changed(watchId)));
    return watching;
  }

  stop(): void {
    this.#watch?.stop();
    this.#watch = undefined;
  }
}

type Watched = { names: NearestDirectory; readonly watcher: FSWatcher | undefined };

class Watch {
  readonly #what: Watchable;
  readonly #paths: FilePaths;
  readonly #watched = new Map<string, Watched>();
  readonly #recheck: NodeJS.Timeout;
  #tell: (() => void) | undefined;
  #appeared = false;
  #state: 'idle' | 'looking' | 'lookAgain' | 'over' = 'idle';

  constructor(what: Watchable, paths: FilePaths, recheckMs: number) {
    this.#what = what;
    this.#paths = paths;
    // Not every file system tells what others do in it, and links on the way are not watched.
    this.#recheck = setInterval(() => void this.#check(), recheckMs).unref();
  }

  /** Watches, then looks. `false` if it has happened already, or is not so: then it is over. */
  async begin(): Promise<boolean> {
    this.#state = 'looking';
    const happened = await this.#look();
    if (this.#isOver) return false;
    if (happened) this.stop();
    else this.#state = 'idle';
    return !happened;
  }

  /** From now on `callback` is called, once, when it has happened. */
  tell(callback: () => void): void {
    this.#tell = callback;
    void this.#check();
  }

  stop(): void {
    this.#state = 'over';
    clearInterval(this.#recheck);
    for (const { watcher } of this.#watched.values()) watcher?.close();
    this.#watched.clear();
  }

  // Methods, since the compiler takes the state for what was assigned last, whoever changes it meanwhile.
  get #isOver(): boolean {
    return this.#state === 'over';
  }

  get #hasToLookAgain(): boolean {
    return this.#state === 'lookAgain';
  }

  async #check(): Promise<void> {
    if (this.#tell === undefined || this.#isOver) return;
    if (this.#state !== 'idle') {
      this.#state = 'lookAgain';
      return;
    }
    do {
      this.#state = 'looking';
      const happened = await this.#look();
      if (this.#isOver) return;
      if (happened) {
        this.stop();
        this.#tell();
        return;
      }
    } while (this.#hasToLookAgain);
    this.#state = 'idle';
  }

  /** Watches what is nearest to each path now, and tells whether it has happened. */
  async #look(): Promise<boolean> {
    for (;;) {
      const nearest = await nearestDirectories(this.#what, this.#paths);
      // What is nearest may change before it is watched, without an event.
      if (this.#isOver || !this.#watchOnly(nearest)) break;
    }
    const { missing, present } = this.#what;
    const there = await Promise.all(missing.map(path => isMissing(path, lstat)));
    const stays = present === undefined || !(await isMissing(present, stat));
    return this.#appeared || !stays || there.includes(false);
  }

  /** Watches these directories and no others. Tells whether there was one that was not watched. */
  #watchOnly(nearest: ReadonlyMap<string, NearestDirectory>): boolean {
    for (const [identity, { watcher }] of this.#watched) {
      if (nearest.has(identity)) continue;
      watcher?.close();
      this.#watched.delete(identity);
    }
    let isNew = false;
    for (const [identity, names] of nearest) {
      const known = this.#watched.get(identity);
      if (known !== undefined) known.names = names;
      else {
        isNew = true;
        this.#watched.set(identity, { names, watcher: this.#watch(identity, names.path) });
      }
    }
    return isNew;
  }

  /** `undefined` where the system can watch no more, or not this: looking now and then has to do. */
  #watch(identity: string, path: FilePath): FSWatcher | undefined {
    try {
      const watcher = watch(path, { persistent: false, encoding: 'buffer' }, (_, name) =>
        this.#onEvent(identity, name?.toString('latin1')),
      );
      watcher.on('error', () => watcher.close());
      return watcher;
    } catch {
      return undefined;
    }
  }

  #onEvent(identity: string, name: string | undefined): void {
    const names = this.#watched.get(identity)?.names;
    if (names === undefined) return;
    if (name !== undefined && names.awaited.has(name)) this.#appeared = true;
    if (name === undefined || this.#appeared || names.near.has(name)) void this.#check();
  }
}

/** Whether nothing is there. Where nobody may look, something may be. */
const isMissing = async (path: FilePath, look: (path: FilePath) => Promise<unknown>): Promise<boolean> => {
  try {
    await look(path);
    return false;
  } catch (error) {
    return isNotFound(error) || (isSystemError(error) && error.code === 'ENOTDIR');
  }
};
