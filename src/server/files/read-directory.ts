import { isUtf8 } from 'node:buffer';
import { stat } from 'node:fs/promises';
import type { ResultIn } from '../../protocol/define.ts';
import { limitExceeded } from '../../protocol/errors.ts';
import type { fsReadDirectory } from '../../protocol/files.ts';
import { TimeSlice } from '../../system/time-slice.ts';
import { type Grow, growFreely } from '../memory/partial-answers.ts';
import { onPath } from './file-errors.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { LISTED_NAME_BYTES, MAX_DIRECTORY_ENTRIES, MAX_LISTING_VALUES } from './limits.ts';
import { type DirectoryEntry, listDirectory } from './list-directory.ts';

type Result = ResultIn<typeof fsReadDirectory>;

/**
 * Lists a directory. Symbolic links are described by their targets.
 *
 * @throws {ExecServerError} `limitExceeded` if there are too many entries, or the answer is longer than `maxBytes`
 */
export const readDirectory = async (
  path: FilePath,
  paths: FilePaths,
  maxBytes: number,
  grow: Grow = growFreely,
): Promise<Result> => {
  const uri = paths.uri(path);
  const { entries, truncated } = await onPath(uri, () => listDirectory(path, paths, grow));
  if (truncated) throw limitExceeded('directoryEntries', MAX_DIRECTORY_ENTRIES + 1, MAX_DIRECTORY_ENTRIES);
  const described: Result['entries'] = [];
  let bytes = 0;
  let values = 0;
  const slice = new TimeSlice();
  for (const entry of entries) {
    if (slice.over) await slice.next();
    const shown = await describe(entry, path, paths);
    bytes += Buffer.byteLength(JSON.stringify(shown)) + 1;
    if (bytes > maxBytes) throw limitExceeded('listingBytes', bytes, maxBytes);
    values += 1 + Object.keys(shown).length;
    if (values > MAX_LISTING_VALUES) throw limitExceeded('listingValues', values, MAX_LISTING_VALUES);
    described.push(shown);
    if (described.length % ENTRIES_PER_GROWTH === 0) await grow(ENTRIES_PER_GROWTH * LISTED_NAME_BYTES);
  }
  return { entries: described };
};

const ENTRIES_PER_GROWTH = 512;

const describe = async (
  { name, kind }: DirectoryEntry,
  directory: FilePath,
  paths: FilePaths,
): Promise<Result['entries'][number]> => {
  const target = kind === 'symlink' ? await targetOf(paths.child(directory, name)) : kind;
  return {
    fileName: name.toString(),
    isDirectory: target === 'directory',
    isFile: target === 'file',
    isSymlink: kind === 'symlink',
    ...(!isUtf8(name) && { fileNameBase64: name.toString('base64') }),
  };
};

// A dangling link, or one whose target may not be looked up, is listed all the same.
const targetOf = async (link: FilePath): Promise<'file' | 'directory' | 'other'> => {
  try {
    const stats = await stat(link);
    if (stats.isDirectory()) return 'directory';
    return stats.isFile() ? 'file' : 'other';
  } catch {
    return 'other';
  }
};
