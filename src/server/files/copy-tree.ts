import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open } from 'node:fs/promises';
import { fileError, limitExceeded } from '../../protocol/errors.ts';
import { MAX_BLOCK_BYTES } from '../../protocol/limits.ts';
import { type Grow, growFreely } from '../memory/partial-answers.ts';
import { copyFile, copyLink, type Spot } from './copy-entry.ts';
import { isDirectory } from './create-directory.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { PERMISSIONS } from './inherited-properties.ts';
import { MAX_SKIPPED_FILES } from './limits.ts';
import { listDirectory } from './list-directory.ts';
import { modeWithoutAcl } from './mode-without-acl.ts';
import { Trail } from './trail.ts';

/** The context of a copy. */
export type CopyContext = {
  readonly paths: FilePaths;
  /** Aborts the copy with its reason, between two blocks. */
  readonly signal: AbortSignal;
  /** Takes memory for names and for the block buffer. */
  readonly grow?: Grow | undefined;
};

/**
 * Copies a directory with its content. Links in it are copied as links; on Linux with /proc one that takes the place of a
 * directory in the meantime is not followed. A directory is merged into an existing one, also through a link.
 *
 * @returns the URIs of special files, which are skipped; at most `MAX_SKIPPED_FILES`
 */
export const copyTree = async (
  source: FilePath,
  destination: FilePath,
  context: CopyContext,
): Promise<string[]> => {
  const { paths } = context;
  const startAbove = (path: FilePath) => Trail.from(paths.parent(path), paths.parent(path), paths);
  const from = await startAbove(source);
  try {
    const to = await startAbove(destination);
    try {
      const copier = new TreeCopier(from, to, context);
      await copier.directory(paths.name(source), paths.name(destination));
      return copier.skipped;
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
};

class TreeCopier {
  readonly skipped: string[] = [];
  readonly #from: Trail;
  readonly #to: Trail;
  readonly #paths: FilePaths;
  readonly #signal: AbortSignal;
  readonly #grow: Grow;
  /** The buffer for all files, which are copied one after the other. */
  readonly #block = Buffer.allocUnsafe(MAX_BLOCK_BYTES);

  constructor(from: Trail, to: Trail, { paths, signal, grow = growFreely }: CopyContext) {
    this.#from = from;
    this.#to = to;
    this.#paths = paths;
    this.#signal = signal;
    this.#grow = grow;
  }

  /** Copies a directory of the current one. */
  async directory(name: Buffer, newName: Buffer): Promise<void> {
    if (!(await this.#from.enter(name))) throw notADirectory(this.#from.uri(name));
    const { entries, truncated, bytes } = await this.#from.here(location =>
      listDirectory(location, this.#paths, this.#grow),
    );
    if (truncated) throw limitExceeded('directoryEntries', entries.length + 1, entries.length);
    const isNew = await this.#to.at(newName, createIfMissing);
    await this.#enterCopy(newName, isNew);
    for (const { name, kind } of entries) {
      this.#signal.throwIfAborted();
      if (kind === 'directory') await this.directory(name, name);
      else if (kind === 'symlink') await this.#entry(name, copyLink);
      else if (kind === 'file')
        await this.#entry(name, (from, to) => copyFile(from, to, this.#block, this.#signal));
      else if (this.skipped.length < MAX_SKIPPED_FILES) this.skipped.push(this.#from.uri(name));
    }
    await this.#grow(-bytes);
    if (isNew) {
      const mode = await this.#from.here(directoryMode);
      await this.#to.here(location => chmod(location, mode));
    }
    await this.#from.leave();
    await this.#to.leave();
  }

  /** Only a directory that existed before may be a link to one. */
  async #enterCopy(name: Buffer, isNew: boolean): Promise<void> {
    if (await this.#to.enter(name)) return;
    if (isNew) throw notADirectory(this.#to.uri(name));
    await this.#to.follow(name);
  }

  #entry(name: Buffer, copy: (from: Spot, to: Spot) => Promise<void>): Promise<void> {
    return this.#from.at(name, (source, sourceUri) =>
      this.#to.at(name, (location, uri) => copy({ location: source, uri: sourceUri }, { location, uri })),
    );
  }
}

const notADirectory = (uri: string) => fileError(uri, 'ENOTDIR', 'not a directory');

/** Returns true if the directory was created. */
const createIfMissing = async (directory: FilePath): Promise<boolean> => {
  try {
    // Private and writable until it is complete.
    await mkdir(directory, 0o700);
    return true;
  } catch (error) {
    if (await isDirectory(directory)) return false;
    throw error;
  }
};

const directoryMode = async (location: FilePath): Promise<number> => {
  // Windows opens no directories, and has no list in the mode.
  if (process.platform === 'win32') return (await lstat(location)).mode & PERMISSIONS;
  const handle = await open(location, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0));
  try {
    return (await modeWithoutAcl(handle)) & PERMISSIONS;
  } finally {
    await handle.close();
  }
};
