import { lstat, realpath, stat } from 'node:fs/promises';
import { fileRefused } from '../../protocol/errors.ts';
import { MAX_BLOCK_BYTES } from '../../protocol/limits.ts';
import { copyFile, copyLink, type Spot } from './copy-entry.ts';
import { type CopyContext, copyTree } from './copy-tree.ts';
import { createDirectory } from './create-directory.ts';
import { isNotFound, onPath } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { followed } from './place.ts';
import { kindOf } from './regular-file.ts';

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
  if (stats.isDirectory()) {
    if (!recursive) throw fileRefused('directory', uri, 'it is a directory, which requires recursive: true');
    await assertNotInside(source, destination, paths);
    await createDirectory(followed(paths.parent(destination), paths), true, paths);
    return copyTree(source, destination, context);
  }
  const [from, to] = [spot(source, paths), spot(destination, paths)];
  if (stats.isSymbolicLink()) await copyLink(from, to);
  else if (stats.isFile()) await copyFile(from, to, Buffer.allocUnsafe(MAX_BLOCK_BYTES), context.signal);
  else throw fileRefused('specialFile', uri, `${kindOf(stats)} cannot be copied`);
  return [];
};

const spot = (location: FilePath, paths: FilePaths): Spot => ({ location, uri: paths.uri(location) });

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
