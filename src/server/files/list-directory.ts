import type { Dirent } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { sortInSlices } from '../../system/sort-in-slices.ts';
import { TimeSlice } from '../../system/time-slice.ts';
import { type Grow, growFreely } from '../memory/partial-answers.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { LISTED_NAME_BYTES, MAX_DIRECTORY_ENTRIES } from './limits.ts';

/** An entry of a directory: the bytes of its name, and its kind; a symbolic link is not followed. */
export type DirectoryEntry = { readonly name: Buffer; readonly kind: EntryKind };
export type EntryKind = 'file' | 'directory' | 'symlink' | 'other';

export type Listing = {
  readonly entries: DirectoryEntry[];
  /** True if the directory has more entries. */
  readonly truncated: boolean;
  /** Memory that was taken for the names. */
  readonly bytes: number;
};

/**
 * Lists at most `MAX_DIRECTORY_ENTRIES` entries of a directory, in the order of the bytes of their names.
 *
 * @param grow takes memory for the names
 * @throws the error of the operating system
 */
export const listDirectory = async (
  path: FilePath,
  paths: FilePaths,
  grow: Grow = growFreely,
): Promise<Listing> => {
  const entries: DirectoryEntry[] = [];
  let truncated = false;
  let bytes = 0;
  for await (const entry of readEntries(path, paths)) {
    truncated = entries.length === MAX_DIRECTORY_ENTRIES;
    if (truncated) break;
    entries.push(entry);
    if (entries.length % NAMES_PER_READ > 0) continue;
    bytes += NAMES_PER_READ * LISTED_NAME_BYTES;
    await grow(NAMES_PER_READ * LISTED_NAME_BYTES);
  }
  const byName = (a: DirectoryEntry, b: DirectoryEntry) => Buffer.compare(a.name, b.name);
  return { entries: await sortInSlices(entries, byName, new TimeSlice()), truncated, bytes };
};

/** Reads the entries of a directory in no particular order. Leaving the loop closes the directory. */
export async function* readEntries(path: FilePath, paths: FilePaths): AsyncGenerator<DirectoryEntry> {
  for await (const entry of await openBytes(path)) {
    yield { name: entry.name, kind: kindOf(entry) ?? (await lstatKind(paths.child(path, entry.name))) };
  }
}

/** Opens a directory with names as Buffers: a name that is not UTF-8 is lost as text. */
const openBytes = async (path: FilePath): Promise<AsyncIterable<ByteDirent>> => {
  const options = { encoding: 'buffer' as BufferEncoding, bufferSize: NAMES_PER_READ };
  // The types of Node only have names as text.
  return (await opendir(path as string, options)) as unknown as AsyncIterable<ByteDirent>;
};

type ByteDirent = Pick<Dirent, 'isFile' | 'isDirectory' | 'isSymbolicLink' | 'isFIFO' | 'isSocket'> &
  Pick<Dirent, 'isCharacterDevice' | 'isBlockDevice'> & { readonly name: Buffer };

const NAMES_PER_READ = 512;

/** Returns `undefined` if the file system does not store the kind with the name. */
const kindOf = (entry: Pick<ByteDirent, Exclude<keyof ByteDirent, 'name'>>): EntryKind | undefined => {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  if (entry.isSymbolicLink()) return 'symlink';
  const special = entry.isFIFO() || entry.isSocket() || entry.isCharacterDevice() || entry.isBlockDevice();
  return special ? 'other' : undefined;
};

const lstatKind = async (path: FilePath): Promise<EntryKind> => {
  try {
    return kindOf(await lstat(path)) ?? 'other';
  } catch {
    return 'other';
  }
};
