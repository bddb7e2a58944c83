import { constants, type Stats } from 'node:fs';
import { chmod, type FileHandle, lstat, mkdir, readlink, realpath, stat, symlink } from 'node:fs/promises';
import { fileRefused, limitExceeded } from '../../protocol/errors.ts';
import { MAX_BLOCK_BYTES } from '../../protocol/limits.ts';
import { type Grow, growFreely } from '../memory/partial-answers.ts';
import { readFully, writeFully } from './blocks.ts';
import { createDirectory, isDirectory } from './create-directory.ts';
import { isNotFound, onPath } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { MAX_SKIPPED_FILES } from './limits.ts';
import { listDirectory } from './list-directory.ts';
import { empty, kindOf, openRegular } from './regular-file.ts';

/** Where a copy works, and what ends it. */
export type CopyContext = {
  readonly paths: FilePaths;
  /** Ends the copy with its reason, between two blocks. */
  readonly signal: AbortSignal;
  /** Takes memory for names, and for the block that files are copied by. */
  readonly grow?: Grow | undefined;
};

/**
 * Copies a file, a link or a tree, with permission bits. Links are copied as they are; a directory is copied into one
 * that is there. If it fails, what was copied until then stays.
 *
 * @returns the special files in a tree that were passed over, as URIs; the first `MAX_SKIPPED_FILES`
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
    if (!recursive) throw fileRefused('directory', uri, 'a directory is only copied with recursive: true');
    await refuseInside(source, destination, paths);
    await createDirectory(paths.parent(destination), true, paths);
    await copier.directory(source, destination);
  } else if (stats.isSymbolicLink()) await copier.link(source, destination);
  else if (stats.isFile()) await copier.file(source, destination);
  else throw fileRefused('specialFile', uri, `${kindOf(stats)} can't be copied`);
  return copier.skipped;
};

/** A copy in a directory of its source would be copied, too, without end. */
const refuseInside = async (source: FilePath, destination: FilePath, paths: FilePaths): Promise<void> => {
  const { dev, ino } = await onPath(paths.uri(source), () => lstat(source, { bigint: true }));
  // The nearest directory that exists, by whatever names and links it is reached, and all above it.
  let at = await onPath(paths.uri(destination), () => nearestReal(destination, paths));
  for (;;) {
    const above = await onPath(paths.uri(at), () => stat(at, { bigint: true }));
    if (above.dev === dev && above.ino === ino) {
      const problem = 'a directory is not copied to itself or into what is in it';
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
  /** One after the other, all files go through it. */
  #block: Buffer | undefined;

  constructor({ paths, signal, grow = growFreely }: CopyContext) {
    this.#paths = paths;
    this.#signal = signal;
    this.#grow = grow;
  }

  async directory(source: FilePath, destination: FilePath): Promise<void> {
    const uri = this.#paths.uri(source);
    const { mode } = await onPath(uri, () => lstat(source));
    const { entries, more, bytes } = await onPath(uri, () => listDirectory(source, this.#paths, this.#grow));
    if (more) throw limitExceeded('directoryEntries', entries.length + 1, entries.length);
    const isNew = await onPath(this.#paths.uri(destination), () => makeIfMissing(destination));
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
    await onPath(this.#paths.uri(destination), () => chmod(destination, mode & PERMISSIONS));
  }

  async link(source: FilePath, destination: FilePath): Promise<void> {
    const target = await onPath(this.#paths.uri(source), () => readlink(source, { encoding: 'buffer' }));
    await onPath(this.#paths.uri(destination), () => symlink(target, destination));
  }

  async file(source: FilePath, destination: FilePath): Promise<void> {
    const uri = this.#paths.uri(destination);
    const from = await openRegular(source, this.#paths.uri(source), constants.O_RDONLY | NO_FOLLOW);
    try {
      // As a new file it is ours alone until it has its own bits.
      const to = await openRegular(destination, uri, constants.O_WRONLY | constants.O_CREAT, 0o600);
      try {
        await onPath(uri, () => refuseSame(from, to, uri));
        const mode = await onPath(uri, async () => copiedMode(await from.stat(), await to.stat()));
        await onPath(uri, () => empty(to, mode));
        await this.#content({ handle: from, uri: this.#paths.uri(source) }, { handle: to, uri });
        // Writing clears some of them.
        await onPath(uri, () => to.chmod(mode));
      } finally {
        await to.close();
      }
    } finally {
      await from.close();
    }
  }

  // In blocks of our own: the system's copy holds a thread to its end, and takes files of /proc for empty.
  async #content(from: Side, to: Side): Promise<void> {
    this.#block ??= Buffer.allocUnsafe(MAX_BLOCK_BYTES);
    const block = this.#block;
    for (let position = 0; ; ) {
      this.#signal.throwIfAborted();
      const length = await onPath(from.uri, () => readFully(from.handle, block, position));
      await onPath(to.uri, () => writeFully(to.handle, block.subarray(0, length), position));
      position += length;
      if (length < block.length) return;
    }
  }
}

/** Tells whether it was missing. */
const makeIfMissing = async (directory: FilePath): Promise<boolean> => {
  try {
    // Nobody else looks in, and we may write in it whatever its bits will be, until it is complete.
    await mkdir(directory, 0o700);
    return true;
  } catch (error) {
    if (await isDirectory(directory)) return false;
    throw error;
  }
};

type Side = { readonly handle: FileHandle; readonly uri: string };

const refuseSame = async (from: FileHandle, to: FileHandle, uri: string): Promise<void> => {
  const [a, b] = [await from.stat({ bigint: true }), await to.stat({ bigint: true })];
  if (a.dev === b.dev && a.ino === b.ino) {
    throw fileRefused('sameFile', uri, 'a file is not copied onto itself');
  }
};

const PERMISSIONS = 0o7777;
const SET_ID = 0o6000;
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

// A program that runs as its owner must not run as another one by being copied.
const copiedMode = ({ mode, uid, gid }: Stats, copied: Stats): number =>
  mode & (uid === copied.uid && gid === copied.gid ? PERMISSIONS : PERMISSIONS & ~SET_ID);
