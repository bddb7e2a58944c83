import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { access, type FileHandle, open, readlink, rename, stat, unlink } from 'node:fs/promises';
import { fileError, fileRefused } from '../../protocol/errors.ts';
import { asFileError, isNotFound, isSystemError, onPath } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { notAFile, statIfExists } from './regular-file.ts';

/**
 * A temporary file with the new content of a file, in the same directory. `commit` renames it, so that readers find the
 * old content or the new. Owner and permission bits are kept; a file with several hard links is refused.
 */
export class Replacement {
  /** The file to write. */
  readonly handle: FileHandle;
  readonly #uri: string;
  readonly #target: FilePath;
  readonly #temporary: FilePath;
  /** The final permission bits; those that it was created with if absent. */
  readonly #mode: number | undefined;

  private constructor(
    handle: FileHandle,
    uri: string,
    target: FilePath,
    temporary: FilePath,
    mode: number | undefined,
  ) {
    this.handle = handle;
    this.#uri = uri;
    this.#target = target;
    this.#temporary = temporary;
    this.#mode = mode;
  }

  /**
   * Creates the temporary file for a path, links followed.
   *
   * @param fileMode the permission bits; those of the existing file if absent
   * @throws {ExecServerError} `fileRefused` if the owner or hard links would be lost, `fileNotFound`, `fileError`
   */
  static async begin(path: FilePath, fileMode: number | undefined, paths: FilePaths): Promise<Replacement> {
    const uri = paths.uri(path);
    const target = await onPath(uri, () => endOfLinks(path, paths));
    const existing = await onPath(uri, () => statIfExists(target));
    if (existing !== undefined) await assertReplaceable(existing, target, uri);
    const temporary = paths.child(paths.parent(target), Buffer.from(temporaryName()));
    const handle = await createTemporary(temporary, uri, existing === undefined ? fileMode : PRIVATE);
    const replacement = new Replacement(handle, uri, target, temporary, fileMode ?? permissionsOf(existing));
    try {
      if (existing !== undefined) await keepOwner(handle, existing, uri);
    } catch (error) {
      await replacement.discard();
      throw error;
    }
    return replacement;
  }

  /** Replaces the file. If that fails, the temporary file is removed and the file is unchanged. */
  async commit(): Promise<void> {
    try {
      await onPath(this.#uri, async () => {
        // A write may have cleared some bits.
        if (this.#mode !== undefined) await this.handle.chmod(this.#mode);
        // Without it a crash of the machine may leave an empty file.
        await this.handle.sync();
        await this.handle.close();
        await rename(this.#temporary, this.#target);
      });
    } catch (error) {
      await this.discard();
      throw error;
    }
  }

  /** Removes the temporary file. The file is unchanged. */
  async discard(): Promise<void> {
    await this.handle.close().catch(() => {});
    await unlink(this.#temporary).catch(() => {});
  }
}

// Keeps the temporary file private until the final mode is set.
const PRIVATE = 0o600;

const temporaryName = () => `.exec-server-${randomBytes(8).toString('hex')}.tmp`;

const permissionsOf = (stats: Stats | undefined): number | undefined =>
  stats === undefined ? undefined : stats.mode & 0o7777;

/** Follows the links at the end of a path, also to a target that does not exist, which `realpath` refuses. */
const endOfLinks = async (path: FilePath, paths: FilePaths): Promise<FilePath> => {
  let at = path;
  for (let links = 0; links <= MAX_LINKS; links += 1) {
    const target = await readlink(at, { encoding: 'buffer' }).catch(error => {
      if (isNoLink(error)) return undefined;
      throw error;
    });
    if (target === undefined) return at;
    at = paths.linked(at, target);
  }
  // Throws ELOOP of the system.
  await stat(path);
  return at;
};

// The number of links that Linux follows.
const MAX_LINKS = 40;

const isNoLink = (error: unknown): boolean =>
  isNotFound(error) || (isSystemError(error) && (error.code === 'EINVAL' || error.code === 'UNKNOWN'));

const assertReplaceable = async (existing: Stats, target: FilePath, uri: string): Promise<void> => {
  if (existing.isDirectory()) throw fileError(uri, 'EISDIR', 'illegal operation on a directory');
  if (!existing.isFile()) throw notAFile(uri, existing);
  if (existing.nlink > 1) {
    const problem = `it has ${existing.nlink} hard links, which an atomic write would separate; write it without atomic`;
    throw fileRefused('hardLinks', uri, problem);
  }
  // A rename does not check the permission to write the file.
  await onPath(uri, () => access(target, constants.W_OK));
};

const createTemporary = async (
  temporary: FilePath,
  uri: string,
  mode: number | undefined,
): Promise<FileHandle> => {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
  try {
    return await open(temporary, flags, mode);
  } catch (error) {
    throw asFileError(
      uri,
      error,
      isNotFound(error) ? '' : 'cannot create a temporary file in its directory: ',
    );
  }
};

const keepOwner = async (handle: FileHandle, existing: Stats, uri: string): Promise<void> => {
  const { uid, gid } = await handle.stat();
  if (uid === existing.uid && gid === existing.gid) return;
  try {
    await handle.chown(existing.uid, existing.gid);
  } catch (error) {
    const problem = `an atomic write cannot keep its owner (user ${existing.uid}, group ${existing.gid}); write it without atomic`;
    throw isSystemError(error) ? fileRefused('owner', uri, problem) : error;
  }
};
