import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, type FileHandle, open, readlink, rename, stat, unlink } from 'node:fs/promises';
import { fileError, fileRefused } from '../../protocol/errors.ts';
import { asFileError, isNotFound, isSystemError, onPath } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { type ExistingFile, inheritProperties, PERMISSIONS, withExisting } from './inherited-properties.ts';
import type { Place } from './place.ts';
import { notAFile } from './regular-file.ts';

/**
 * A temporary file with the new content of a file, in the same directory. `commit` renames it, so that readers find the
 * old content or the new. Owner, permission bits, access control list and extended attributes are kept; a file with
 * several hard links is refused.
 */
export class Replacement {
  /** The file to write. */
  readonly handle: FileHandle;
  readonly #uri: string;
  readonly #target: FilePath;
  readonly #temporary: FilePath;
  readonly #mode: RequestedMode;

  private constructor(
    handle: FileHandle,
    uri: string,
    target: FilePath,
    temporary: FilePath,
    mode: RequestedMode,
  ) {
    this.handle = handle;
    this.#uri = uri;
    this.#target = target;
    this.#temporary = temporary;
    this.#mode = mode;
  }

  /**
   * Creates the temporary file for a place, links at its end followed. A place without links must last until `commit` or
   * `discard`.
   *
   * @param fileMode the permission bits; those of the existing file if absent
   * @throws {ExecServerError} `fileRefused` if properties of the file would be lost, `fileNotFound`, `fileError`
   */
  static async begin(
    { location, uri, noFollow }: Place,
    fileMode: number | undefined,
    paths: FilePaths,
  ): Promise<Replacement> {
    const target = noFollow ? location : await onPath(uri, () => endOfLinks(location, paths));
    return onPath(uri, () =>
      withExisting(target, async existing => {
        if (existing !== undefined) await assertReplaceable(existing, target, uri);
        const temporary = paths.child(paths.parent(target), Buffer.from(temporaryName()));
        const handle = await createTemporary(temporary, uri, existing === undefined ? fileMode : PRIVATE);
        const mode = { fileMode, ofExisting: existing && existing.stats.mode & PERMISSIONS };
        const replacement = new Replacement(handle, uri, target, temporary, mode);
        try {
          if (existing !== undefined) {
            await inheritProperties(handle, existing, fileMode, uri);
            await handle.chmod(PRIVATE);
          }
        } catch (error) {
          await replacement.discard();
          throw error;
        }
        return replacement;
      }),
    );
  }

  /** Replaces the file. If that fails, the temporary file is removed and the file is unchanged. */
  async commit(): Promise<void> {
    try {
      await onPath(this.#uri, async () => {
        await withExisting(this.#target, existing => this.#complete(existing));
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

  // Again after the last write: a write clears bits and capabilities, and the file may have changed since the beginning.
  async #complete(existing: ExistingFile | undefined): Promise<void> {
    const { fileMode, ofExisting } = this.#mode;
    if (existing === undefined) {
      const mode = fileMode ?? ofExisting;
      if (mode !== undefined) await this.handle.chmod(mode);
      return;
    }
    await assertReplaceable(existing, this.#target, this.#uri);
    await inheritProperties(this.handle, existing, fileMode, this.#uri);
  }
}

/** The permission bits that were requested, and those of the existing file, which may be gone at the end. */
type RequestedMode = { readonly fileMode: number | undefined; readonly ofExisting: number | undefined };

// Keeps the temporary file private until the final mode is set.
const PRIVATE = 0o600;

const temporaryName = () => `.exec-server-${randomBytes(8).toString('hex')}.tmp`;

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

const assertReplaceable = async ({ stats }: ExistingFile, target: FilePath, uri: string): Promise<void> => {
  if (stats.isDirectory()) throw fileError(uri, 'EISDIR', 'illegal operation on a directory');
  if (!stats.isFile()) throw notAFile(uri, stats);
  if (stats.nlink > 1) {
    const problem = `it has ${stats.nlink} hard links, which an atomic write would separate; write it without atomic`;
    throw fileRefused('hardLinks', uri, problem);
  }
  // A rename does not check the permission to write the file.
  await access(target, constants.W_OK);
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
