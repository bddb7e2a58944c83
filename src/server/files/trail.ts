import { fileError } from '../../protocol/errors.ts';
import { asFileError, isNotFound, isSystemError, onPath } from './file-errors.ts';
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
  /** True if it must stay open. */
  isKept?: true;
};

type OpenStep = Step & { directory: HeldDirectory };

/**
 * The way from one directory down to a current one, which is entered and left name by name. At most `MAX_HELD_DIRECTORIES`
 * are held open. One above them is opened again as the parent of the one below, and must be the same.
 *
 * Errors of operations have the path of the entry.
 */
export class Trail {
  readonly #paths: FilePaths;
  readonly #above: Step[] = [];
  #current: OpenStep;

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
  here<Result>(act: (location: FilePath) => Promise<Result>): Promise<Result> {
    const { path, directory } = this.#current;
    return onPath(this.#paths.uri(path), () => act(directory.path));
  }

  /** Runs an operation on an entry of the current directory, with its URI for errors. */
  at<Result>(name: Buffer, act: (location: FilePath, uri: string) => Promise<Result>): Promise<Result> {
    const { directory } = this.#current;
    const uri = this.uri(name);
    return onPath(uri, () => act(directory.child(name), uri));
  }

  /** Returns the URI of an entry of the current directory. */
  uri(name: Buffer): string {
    return this.#paths.uri(this.#paths.child(this.#current.path, name));
  }

  /**
   * Makes a directory in the current one the current one.
   *
   * @returns false if there is none, or a link
   */
  async enter(name: Buffer): Promise<boolean> {
    const path = this.#paths.child(this.#current.path, name);
    try {
      this.#push({ path, directory: await this.#current.directory.enter(name) });
    } catch (error) {
      if (isNotFound(error) || (isSystemError(error) && error.code === 'ENOTDIR')) return false;
      throw asFileError(this.#paths.uri(path), error);
    }
    await this.#closeFar();
    return true;
  }

  /** Makes the target of a link in the current directory the current one. */
  async follow(name: Buffer): Promise<void> {
    const directory = await this.at(name, () => this.#current.directory.enter(name, true));
    // It is not the parent of the target, by which it would be opened again.
    this.#current.isKept = true;
    this.#push({ path: this.#paths.child(this.#current.path, name), directory });
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

  #push(step: OpenStep): void {
    this.#above.push(this.#current);
    this.#current = step;
  }

  async #closeFar(): Promise<void> {
    const far = this.#above[this.#above.length - MAX_HELD_DIRECTORIES];
    const { directory } = far ?? {};
    if (far === undefined || far.isKept || !directory?.isHeld) return;
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
}
