import { constants, type Stats } from 'node:fs';
import {
  chmod,
  type FileHandle,
  lstat,
  mkdir,
  open,
  readlink,
  realpath,
  stat,
  symlink,
} from 'node:fs/promises';
import { fileRefused, limitExceeded } from '../../protocol/errors.ts';
import { MAX_BLOCK_BYTES } from '../../protocol/limits.ts';
import { type Grow, growFreely } from '../memory/partial-answers.ts';
import { copyContent } from './copy-content.ts';
import { createDirectory, isDirectory } from './create-directory.ts';
import { isNotFound, onPath } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { MAX_SKIPPED_FILES } from './limits.ts';
import { listDirectory } from './list-directory.ts';
import { modeWithoutAcl } from './mode-without-acl.ts';
import { followed } from './place.ts';
import { empty, kindOf, NO_FOLLOW, openRegular } from './regular-file.ts';

/** The context of a copy. */
export type CopyContext = {
  readonly paths: FilePaths;
  /** Aborts the copy with its reason, between two blocks. */
  readonly signal: AbortSignal;
  /** Takes memory for names and for the block buffer. */
  readonly grow?: Grow | undefined;
};

/**
 * Copies a file, a symbolic link or a directory tree, with permission bits. Links are copied as links; a directory is
 * merged into an existing one. A copy that fails leaves what was copied before.
 *
 * @returns the URIs of special files in the tree, which are skipped; at most `MAX_SKIPPED_FILES`
 * @throws {ExecServerError} `fileRefused`, `fileNotFound`, `fileError`
 */
export const copy = async (
  source: FilePath,
  destination: FilePath,
  recursive: boolean,
  context: CopyContext,
): Promise<string[]> => {
  const { paths } = context;
  const uri = paths.uri(source);
  const stats = await onPath(uri, () => lstat(source));
  await context.grow?.(MAX_BLOCK_BYTES);
  const copier = new Copier(context);
  if (stats.isDirectory()) {
    if (!recursive) throw fileRefused('directory', uri, 'it is a directory, which requires recursive: true');
    await assertNotInside(source, destination, paths);
    await createDirectory(followed(paths.parent(destination), paths), true, paths);
    await copier.directory(source, destination);
  } else if (stats.isSymbolicLink()) await copier.link(source, destination);
  else if (stats.isFile()) await copier.file(source, destination);
  else throw fileRefused('specialFile', uri, `${kindOf(stats)} cannot be copied`);
  return copier.skipped;
};

/** Refuses a destination in the source directory: the copy would contain itself. */
const assertNotInside = async (source: FilePath, destination: FilePath, paths: FilePaths): Promise<void> => {
  const { dev, ino } = await onPath(paths.uri(source), () => lstat(source, { bigint: true }));
  // Compares the source with the nearest existing directory, links resolved, and those above it.
  let at = await onPath(paths.uri(destination), () => nearestReal(destination, paths));
  for (;;) {
    const above = await onPath(paths.uri(at), () => stat(at, { bigint: true }));
    if (above.dev === dev && above.ino === ino) {
      const problem = 'a directory cannot be copied to itself or into itself';
      throw fileRefused('intoItself', paths.uri(destination), problem);
    }
    if (paths.name(at).length === 0) return;
    at = paths.parent(at);
  }
};

const nearestReal = async (path: FilePath, paths: FilePaths): Promise<FilePath> => {
  try {
    return await realpath(path, { encoding: 'buffer' });
  } catch (error) {
    if (!isNotFound(error) || paths.name(path).length === 0) throw error;
    return nearestReal(paths.parent(path), paths);
  }
};

class Copier {
  readonly skipped: string[] = [];
  readonly #paths: FilePaths;
  readonly #signal: AbortSignal;
  readonly #grow: Grow;
  /** The buffer for all files, which are copied one after the other. */
  #block: Buffer | undefined;

  constructor({ paths, signal, grow = growFreely }: CopyContext) {
    this.#paths = paths;
    this.#signal = signal;
    this.#grow = grow;
  }

  async directory(source: FilePath, destination: FilePath): Promise<void> {
    const uri = this.#paths.uri(source);
    const { entries, truncated, bytes } = await onPath(uri, () =>
      listDirectory(source, this.#paths, this.#grow),
    );
    if (truncated) throw limitExceeded('directoryEntries', entries.length + 1, entries.length);
    const isNew = await onPath(this.#paths.uri(destination), () => createIfMissing(destination));
    for (const { name, kind } of entries) {
      this.#signal.throwIfAborted();
      const [from, to] = [this.#paths.child(source, name), this.#paths.child(destination, name)];
      if (kind === 'directory') await this.directory(from, to);
      else if (kind === 'symlink') await this.link(from, to);
      else if (kind === 'file') await this.file(from, to);
      else if (this.skipped.length < MAX_SKIPPED_FILES) this.skipped.push(this.#paths.uri(from));
    }
    await this.#grow(-bytes);
    if (!isNew) return;
    const mode = await onPath(uri, () => directoryMode(source));
    await onPath(this.#paths.uri(destination), () => chmod(destination, mode));
  }

  async link(source: FilePath, destination: FilePath): Promise<void> {
    const target = await onPath(this.#paths.uri(source), () => readlink(source, { encoding: 'buffer' }));
    await onPath(this.#paths.uri(destination), () => symlink(target, destination));
  }

  async file(source: FilePath, destination: FilePath): Promise<void> {
    const uri = this.#paths.uri(destination);
    const from = await openRegular(source, this.#paths.uri(source), constants.O_RDONLY | NO_FOLLOW);
    try {
      // A new file is private until it has its final bits.
      const to = await openRegular(destination, uri, constants.O_WRONLY | constants.O_CREAT, 0o600);
      try {
        await onPath(uri, () => assertDifferent(from, to, uri));
        const mode = await onPath(uri, async () => copiedMode(from, await to.stat()));
        await onPath(uri, () => empty(to, mode));
        this.#block ??= Buffer.allocUnsafe(MAX_BLOCK_BYTES);
        const sides = { from: { handle: from, uri: this.#paths.uri(source) }, to: { handle: to, uri } };
        await copyContent(sides, this.#block, this.#signal);
        // Writing clears the set-user-ID bit.
        await onPath(uri, () => to.chmod(mode));
      } finally {
        await to.close();
      }
    } finally {
      await from.close();
    }
  }
}

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

const assertDifferent = async (from: FileHandle, to: FileHandle, uri: string): Promise<void> => {
  const [a, b] = [await from.stat({ bigint: true }), await to.stat({ bigint: true })];
  if (a.dev === b.dev && a.ino === b.ino) {
    throw fileRefused('sameFile', uri, 'a file cannot be copied to itself');
  }
};

const PERMISSIONS = 0o7777;
const SET_ID = 0o6000;

// A set-user-ID program must not run as the owner of its copy.
const copiedMode = async (from: FileHandle, copied: Stats): Promise<number> => {
  const { uid, gid } = await from.stat();
  const isSameOwner = uid === copied.uid && gid === copied.gid;
  return (await modeWithoutAcl(from)) & (isSameOwner ? PERMISSIONS : PERMISSIONS & ~SET_ID);
};

const directoryMode = async (path: FilePath): Promise<number> => {
  // Windows opens no directories, and has no list in the mode.
  if (process.platform === 'win32') return (await lstat(path)).mode & PERMISSIONS;
  const handle = await open(path, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | NO_FOLLOW);
  try {
    return (await modeWithoutAcl(handle)) & PERMISSIONS;
  } finally {
    await handle.close();
  }
};
