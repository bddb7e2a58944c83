import { lstat, stat } from 'node:fs/promises';
import type { ResultIn } from '../../protocol/define.ts';
import type { fsGetMetadata } from '../../protocol/files.ts';
import { onPath } from './file-errors.ts';
import type { FilePath } from './file-path.ts';

/**
 * Tells what a path leads to, and whether it is a link itself.
 *
 * @throws {ExecServerError} `fileNotFound`, `fileError`
 */
export const getMetadata = (path: FilePath, uri: string): Promise<ResultIn<typeof fsGetMetadata>> =>
  onPath(uri, async () => {
    const itself = await lstat(path);
    const isSymlink = itself.isSymbolicLink();
    const stats = isSymlink ? await stat(path) : itself;
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
