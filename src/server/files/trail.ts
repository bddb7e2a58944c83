import { fileError } from '../../protocol/errors.ts';
import { asFileError, isNotFound, isSystemError } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { HeldDirectory } from './held-directory.ts';
import { MAX_HELD_DIRECTORIES } from './limits.ts';

type Step = {
  /** For errors. */
  readonly path: FilePath;
  /** `undefined` while it is closed. */
  directory: HeldDirectory | undefined;
  /** Its identity, if it was closed. */
  identity?: string | undefined;
};

/**
 * The way from one directory down to a current one, which is entered and left name by name. At most `MAX_HELD_DIRECTORIES`
 * are held open. One above them is opened again as the parent of the one below, and must be the same.
 *
 * Errors of operations have the path of the entry.
 */
export class Trail {
  readonly #paths: FilePaths;
  readonly #above: Step[] = [];
  #current: Step & { directory: HeldDirectory };

  private constructor(directory: HeldDirectory, path: FilePath, paths: FilePaths) {
    this.#paths = paths;
    this.#current = { path, directory };
  }

  /**
   * Starts in a directory.
   *
   * @param location a path of it, which may lead through a descriptor
   * @param path its path for errors
   */
  static async from(location: FilePath, path: FilePath, paths: FilePaths): Promise<Trail> {
    return new Trail(await HeldDirectory.open(location, paths), path, paths);
  }

  /** Runs an operation on the current directory. */
  async here<Result>(act: (location: FilePath) => Promise<Result>): Promise<Result> {
    const { path, directory } = this.#current;
    try {
      return await act(directory.path);
    } catch (error) {
      throw this.#named(path, error);
    }
  }

  /** Runs an operation on an entry of the current directory; returns `undefined` if it does not exist. */
  async at<Result>(name: Buffer, act: (location: FilePath) => Promise<Result>): Promise<Result | undefined> {
    const { path, directory } = this.#current;
    try {
      return await act(directory.child(name));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw this.#named(this.#paths.child(path, name), error);
    }
  }

  /** Makes a directory in the current one the current one. Returns false if it is gone or is none any more. */
  async enter(name: Buffer): Promise<boolean> {
    const path = this.#paths.child(this.#current.path, name);
    try {
      const directory = await this.#current.directory.enter(name);
      this.#above.push(this.#current);
      this.#current = { path, directory };
    } catch (error) {
      if (isNotFound(error) || (isSystemError(error) && error.code === 'ENOTDIR')) return false;
      throw this.#named(path, error);
    }
    await this.#closeFar();
    return true;
  }

  /** Makes the directory that was current before the last `enter` the current one again. */
  async leave(): Promise<void> {
    const left = this.#current;
    const step = this.#above.pop();
    if (step === undefined) return;
    const directory = step.directory ?? (await this.#openAgain(step, left.directory));
    this.#current = { path: step.path, directory };
    await left.directory.close();
  }

  /** Closes all directories. */
  async close(): Promise<void> {
    await this.#current.directory.close();
    for (const { directory } of this.#above) await directory?.close();
  }

  async #closeFar(): Promise<void> {
    const far = this.#above[this.#above.length - MAX_HELD_DIRECTORIES];
    const { directory } = far ?? {};
    if (far === undefined || !directory?.isHeld) return;
    far.identity = await directory.identity();
    far.directory = undefined;
    await directory.close();
  }

  async #openAgain({ path, identity }: Step, below: HeldDirectory): Promise<HeldDirectory> {
    const directory = await below.enter(Buffer.from('..'));
    if ((await directory.identity()) === identity) return directory;
    await directory.close();
    throw fileError(this.#paths.uri(path), 'EBUSY', 'a directory in it was moved in the meantime');
  }

  #named(path: FilePath, error: unknown): unknown {
    return asFileError(this.#paths.uri(path), error);
  }
}
