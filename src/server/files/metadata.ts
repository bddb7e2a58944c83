import { lstat, stat } from 'node:fs/promises';
import type { ResultIn } from '../../protocol/define.ts';
import type { fsGetMetadata } from '../../protocol/files.ts';
import { onPath } from './file-errors.ts';
import type { FilePath } from './file-path.ts';

/**
 * Returns the metadata of a path, links followed, and if the path itself is a link.
 *
 * @throws {ExecServerError} `fileNotFound`, `fileError`
 */
export const getMetadata = (path: FilePath, uri: string): Promise<ResultIn<typeof fsGetMetadata>> =>
  onPath(uri, async () => {
    const ownStats = await lstat(path);
    const isSymlink = ownStats.isSymbolicLink();
    const stats = isSymlink ? await stat(path) : ownStats;
    return {
      isDirectory: stats.isDirectory(),
      isFile: stats.isFile(),
      isSymlink,
      size: stats.size,
      createdAtMs: Math.trunc(stats.birthtimeMs),
      modifiedAtMs: Math.trunc(stats.mtimeMs),
      mode: stats.mode & 0o7777,
    };
  });
