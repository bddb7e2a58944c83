import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { access, type FileHandle, open, readlink, rename, stat, unlink } from 'node:fs/promises';
import { fileError, fileRefused } from '../../protocol/errors.ts';
import { asFileError, isNotFound, isSystemError, onPath } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { notAFile, statIfExists } from './regular-file.ts';

/**
 * The next content of a file, written beside it. `commit` puts it in the file's place in one step: whoever reads
 * meanwhile has the old content or the new. It keeps owner and permission bits, not hard links, which is why a file
 * that has some is refused.
 */
export class Replacement {
  /** The file to write. */
  readonly handle: FileHandle;
  readonly #uri: string;
  readonly #target: FilePath;
  readonly #temporary: FilePath;
  /** The permission bits to give it; the ones that it was created with unless given. */
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
   * Begins one for what `path` leads to.
   *
   * @param fileMode its permission bits, unless they are to stay as they are
   * @throws {ExecServerError} `fileRefused` where the result would not be the same file with another content,
   * `fileNotFound`, `fileError`
   */
  static async begin(path: FilePath, fileMode: number | undefined, paths: FilePaths): Promise<Replacement> {
    const uri = paths.uri(path);
    const target = await onPath(uri, () => endOfLinks(path, paths));
    const existing = await onPath(uri, () => statIfExists(target));
    if (existing !== undefined) await refuseWhatIsLost(existing, target, uri);
    const temporary = paths.child(paths.parent(target), Buffer.from(temporaryName()));
    const handle = await createBeside(temporary, uri, existing === undefined ? fileMode : PRIVATE);
    const replacement = new Replacement(handle, uri, target, temporary, fileMode ?? permissionsOf(existing));
    try {
      if (existing !== undefined) await keepOwner(handle, existing, uri);
    } catch (error) {
      await replacement.discard();
      throw error;
    }
    return replacement;
  }

  /** Puts it in the file's place. If that can't be done it is gone, and the file is what it was. */
  async commit(): Promise<void> {
    try {
      await onPath(this.#uri, async () => {
        // After the last write, which may have cleared some bits.
        if (this.#mode !== undefined) await this.handle.chmod(this.#mode);
        // Otherwise a crash of the machine might leave an empty file under the name.
        await this.handle.sync();
        await this.handle.close();
        await rename(this.#temporary, this.#target);
      });
    } catch (error) {
      await this.discard();
      throw error;
    }
  }

  /** Drops it. The file is what it was. */
  async discard(): Promise<void> {
    await this.handle.close().catch(() => {});
    await unlink(this.#temporary).catch(() => {});
  }
}

// Nobody may read of the new content who may not read the old.
const PRIVATE = 0o600;

const temporaryName = () => `.exec-server-${randomBytes(8).toString('hex')}.tmp`;

const permissionsOf = (stats: Stats | undefined): number | undefined =>
  stats === undefined ? undefined : stats.mode & 0o7777;

/** Where a path leads when every link at its end is followed, there or not: `realpath` wants something there. */
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
  // The system's own error, with all that belongs to it.
  await stat(path);
  return at;
};

// What Linux allows.
const MAX_LINKS = 40;

const isNoLink = (error: unknown): boolean =>
  isNotFound(error) || (isSystemError(error) && (error.code === 'EINVAL' || error.code === 'UNKNOWN'));

const refuseWhatIsLost = async (existing: Stats, target: FilePath, uri: string): Promise<void> => {
  if (existing.isDirectory()) throw fileError(uri, 'EISDIR', 'illegal operation on a directory');
  if (!existing.isFile()) throw notAFile(uri, existing);
  if (existing.nlink > 1) {
    const problem = `it has ${existing.nlink} hard links, and only this one would have the new content; write it without atomic`;
    throw fileRefused('hardLinks', uri, problem);
  }
  // A rename asks for no permission to write the file itself.
  await onPath(uri, () => access(target, constants.W_OK));
};

const createBeside = async (
  temporary: FilePath,
  uri: string,
  mode: number | undefined,
): Promise<FileHandle> => {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
  try {
    return await open(temporary, flags, mode);
  } catch (error) {
    throw asFileError(uri, error, isNotFound(error) ? '' : 'no temporary file can be written beside it: ');
  }
};

const keepOwner = async (handle: FileHandle, existing: Stats, uri: string): Promise<void> => {
  const { uid, gid } = await handle.stat();
  if (uid === existing.uid && gid === existing.gid) return;
  try {
    await handle.chown(existing.uid, existing.gid);
  } catch (error) {
    const problem = `it belongs to user ${existing.uid} and group ${existing.gid}, which the new file would not; write it without atomic`;
    throw isSystemError(error) ? fileRefused('owner', uri, problem) : error;
  }
};
