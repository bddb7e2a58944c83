import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { descriptorPath, hasDescriptorPaths, O_PATH } from '../../system/descriptor-path.ts';
import type { FilePath, FilePaths } from './file-path.ts';

/**
 * A directory in which names are looked up. On Linux with /proc it is held open, so that a link that takes its place has no
 * effect; elsewhere it is looked up by its path each time.
 */
export class HeldDirectory {
  /** A path of the directory that is valid until it is closed. */
  readonly path: FilePath;
  readonly #paths: FilePaths;
  readonly #handle: FileHandle | undefined;

  private constructor(path: FilePath, paths: FilePaths, handle?: FileHandle) {
    this.path = handle === undefined ? path : descriptorPath(handle.fd);
    this.#paths = paths;
    this.#handle = handle;
  }

  /** Opens a directory by its path; links in it are followed. */
  static async open(path: FilePath, paths: FilePaths): Promise<HeldDirectory> {
    const handle = hasDescriptorPaths() ? await open(path, O_PATH | constants.O_DIRECTORY) : undefined;
    return new HeldDirectory(path, paths, handle);
  }

  /** True if links that take the place of the directory have no effect. */
  get isHeld(): boolean {
    return this.#handle !== undefined;
  }

  /** Returns a path of an entry; a link there is not resolved. */
  child(name: Buffer): FilePath {
    return this.#paths.child(this.path, name);
  }

  /**
   * Opens a directory in this one.
   *
   * @param follow true to follow a link; without descriptors it is always followed
   * @throws ENOTDIR of the system for a link that is not followed
   */
  async enter(name: Buffer, follow = false): Promise<HeldDirectory> {
    const path = this.child(name);
    const flags = O_PATH | constants.O_DIRECTORY | (follow ? 0 : constants.O_NOFOLLOW);
    return new HeldDirectory(path, this.#paths, this.#handle && (await open(path, flags)));
  }

  /** Returns device and inode of the directory that is held; `undefined` if none is. */
  async identity(): Promise<string | undefined> {
    if (this.#handle === undefined) return undefined;
    const { dev, ino } = await this.#handle.stat({ bigint: true });
    return `${dev}:${ino}`;
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }
}
