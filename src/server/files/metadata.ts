import { lstat, stat } from 'node:fs/promises';
import type { ResultIn } from '../../protocol/define.ts';
import type { fsGetMetadata } from '../../protocol/files.ts';
import { onPath } from './file-errors.ts';
import { linkRefused, type Place } from './place.ts';

/**
 * Returns the metadata of a path, links followed, and if the path itself is a link.
 *
 * @throws {ExecServerError} `fileNotFound`, `fileError`
 */
export const getMetadata = ({ location, uri, noFollow }: Place): Promise<ResultIn<typeof fsGetMetadata>> =>
  onPath(uri, async () => {
    const ownStats = await lstat(location);
    const isSymlink = ownStats.isSymbolicLink();
    if (isSymlink && noFollow) throw linkRefused(uri);
    const stats = isSymlink ? await stat(location) : ownStats;
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
