import { type FSWatcher, watch } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import { isNotFound, isSystemError } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { MAX_WATCHED_PATHS, MISSING_RECHECK_MS } from './limits.ts';
import { type NearestDirectory, nearestDirectories, type Watchable } from './nearest-directories.ts';

/** The single watch of a connection, with the number that the client gave it. */
export class MissingWatch {
  readonly #paths: FilePaths;
  readonly #changed: (watchId: number) => void;
  readonly #recheckMs: number;
  #lastId = -1;
  #watch: Watch | undefined;

  /**
   * @param changed called once when a missing path appears or the present one is gone, which ends the watch
   * @param recheckMs interval of polling, in milliseconds
   */
  constructor(paths: FilePaths, changed: (watchId: number) => void, recheckMs = MISSING_RECHECK_MS) {
    this.#paths = paths;
    this.#changed = changed;
    this.#recheckMs = recheckMs;
  }

  /**
   * Replaces the previous watch. `changed` is not called before the caller can send the answer.
   *
   * @returns false if nothing is watched: a missing path exists, the present one does not, or the number is not higher
   *   than all before
   */
  async start(watchId: number, watched: Watchable): Promise<boolean> {
    if (watchId <= this.#lastId) return false;
    this.#lastId = watchId;
    this.stop();
    if (watched.missing.length === 0 || watched.missing.length > MAX_WATCHED_PATHS) return false;
    const started = new Watch(watched, this.#paths, this.#recheckMs);
    this.#watch = started;
    const watching = (await started.begin()) && this.#watch === started;
    if (watching) setImmediate(() => started.report(() => this.#changed(watchId)));
    return watching;
  }

  stop(): void {
    this.#watch?.stop();
    this.#watch = undefined;
  }
}

type WatchedDirectory = { names: NearestDirectory; readonly watcher: FSWatcher | undefined };

class Watch {
  readonly #paths: FilePaths;
  readonly #watched: Watchable;
  /** By identity. */
  readonly #directories = new Map<string, WatchedDirectory>();
  readonly #recheck: NodeJS.Timeout;
  #report: (() => void) | undefined;
  #appeared = false;
  #state: 'idle' | 'checking' | 'checkAgain' | 'ended' = 'idle';

  constructor(watched: Watchable, paths: FilePaths, recheckMs: number) {
    this.#watched = watched;
    this.#paths = paths;
    // Some file systems report no changes by other machines, and links on the way are not watched.
    this.#recheck = setInterval(() => void this.#check(), recheckMs).unref();
  }

  /** Starts to watch. Returns false if the state differs already, which ends the watch. */
  async begin(): Promise<boolean> {
    this.#state = 'checking';
    const changed = await this.#hasChanged();
    if (this.#hasEnded) return false;
    if (changed) this.stop();
    else this.#state = 'idle';
    return !changed;
  }

  /** Sets the callback for the change, which is called once. */
  report(callback: () => void): void {
    this.#report = callback;
    void this.#check();
  }

  stop(): void {
    this.#state = 'ended';
    clearInterval(this.#recheck);
    for (const { watcher } of this.#directories.values()) watcher?.close();
    this.#directories.clear();
  }

  // Getters, since the compiler assumes that an assigned state does not change during an await.
  get #hasEnded(): boolean {
    return this.#state === 'ended';
  }

  get #mustCheckAgain(): boolean {
    return this.#state === 'checkAgain';
  }

  async #check(): Promise<void> {
    if (this.#report === undefined || this.#hasEnded) return;
    if (this.#state !== 'idle') {
      this.#state = 'checkAgain';
      return;
    }
    do {
      this.#state = 'checking';
      const changed = await this.#hasChanged();
      if (this.#hasEnded) return;
      if (changed) {
        this.stop();
        this.#report();
        return;
      }
    } while (this.#mustCheckAgain);
    this.#state = 'idle';
  }

  /** Watches the directory that is nearest to each path now, then returns true if the state differs. */
  async #hasChanged(): Promise<boolean> {
    for (;;) {
      const nearest = await nearestDirectories(this.#watched, this.#paths);
      // The nearest directory may change before it is watched, which raises no event.
      if (this.#hasEnded || !this.#watchOnly(nearest)) break;
    }
    const { missing, present } = this.#watched;
    const stillMissing = await Promise.all(missing.map(path => isMissing(path, lstat)));
    const isPresent = present === undefined || !(await isMissing(present, stat));
    return this.#appeared || !isPresent || stillMissing.includes(false);
  }

  /** Watches exactly these directories. Returns true if one of them was not watched before. */
  #watchOnly(nearest: ReadonlyMap<string, NearestDirectory>): boolean {
    for (const [identity, { watcher }] of this.#directories) {
      if (nearest.has(identity)) continue;
      watcher?.close();
      this.#directories.delete(identity);
    }
    let isNew = false;
    for (const [identity, names] of nearest) {
      const known = this.#directories.get(identity);
      if (known !== undefined) known.names = names;
      else {
        isNew = true;
        this.#directories.set(identity, { names, watcher: this.#watch(identity, names.path) });
      }
    }
    return isNew;
  }

  /** Returns `undefined` if the system cannot watch the directory; then only polling finds changes. */
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
    const names = this.#directories.get(identity)?.names;
    if (names === undefined) return;
    if (name !== undefined && names.awaited.has(name)) this.#appeared = true;
    if (name === undefined || this.#appeared || names.near.has(name)) void this.#check();
  }
}

/** True if a path does not exist. A path that may not be looked up counts as existing. */
const isMissing = async (path: FilePath, look: (path: FilePath) => Promise<unknown>): Promise<boolean> => {
  try {
    await look(path);
    return false;
  } catch (error) {
    return isNotFound(error) || (isSystemError(error) && error.code === 'ENOTDIR');
  }
};
