import type { Dirent } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { sortInSlices } from '../../system/sort-in-slices.ts';
import { TimeSlice } from '../../system/time-slice.ts';
import { type Grow, growFreely } from '../memory/partial-answers.ts';
import type { FilePath, FilePaths } from './file-path.ts';
import { LISTED_NAME_BYTES, MAX_DIRECTORY_ENTRIES } from './limits.ts';

/** Something in a directory: its name, byte for byte, and what it is itself. */
export type DirectoryEntry = { readonly name: Buffer; readonly kind: EntryKind };
export type EntryKind = 'file' | 'directory' | 'symlink' | 'other';

/** What was listed of a directory, whether there is more, and what it takes of the memory that was asked for. */
export type Listing = {
  readonly entries: DirectoryEntry[];
  readonly more: boolean;
  readonly bytes: number;
};

/**
 * Reads a directory, in the order of the bytes of the names. It throws what the operating system says.
 *
 * @param grow takes memory for the names
 * @returns no more than `MAX_DIRECTORY_ENTRIES`
 */
export const listDirectory = async (
  path: FilePath,
  paths: FilePaths,
  grow: Grow = growFreely,
): Promise<Listing> => {
  const entries: DirectoryEntry[] = [];
  let more = false;
  let bytes = 0;
  for await (const entry of readEntries(path, paths)) {
    more = entries.length === MAX_DIRECTORY_ENTRIES;
    if (more) break;
    entries.push(entry);
    if (entries.length % NAMES_AT_ONCE > 0) continue;
    bytes += NAMES_AT_ONCE * LISTED_NAME_BYTES;
    await grow(NAMES_AT_ONCE * LISTED_NAME_BYTES);
  }
  const byName = (a: DirectoryEntry, b: DirectoryEntry) => Buffer.compare(a.name, b.name);
  return { entries: await sortInSlices(entries, byName, new TimeSlice()), more, bytes };
};

/** Reads a directory entry by entry, in no order. Leaving the loop closes it. */
export async function* readEntries(path: FilePath, paths: FilePaths): AsyncGenerator<DirectoryEntry> {
  for await (const entry of await openBytes(path)) {
    yield { name: entry.name, kind: kindOf(entry) ?? (await lookAt(paths.child(path, entry.name))) };
  }
}

/** Names as bytes: as text, one that isn't UTF-8 would be the name of nothing. */
const openBytes = async (path: FilePath): Promise<AsyncIterable<ByteDirent>> => {
  const options = { encoding: 'buffer' as BufferEncoding, bufferSize: NAMES_AT_ONCE };
  // The types know only of text here.
  return (await opendir(path as string, options)) as unknown as AsyncIterable<ByteDirent>;
};

type ByteDirent = Pick<Dirent, 'isFile' | 'isDirectory' | 'isSymbolicLink' | 'isFIFO' | 'isSocket'> &
  Pick<Dirent, 'isCharacterDevice' | 'isBlockDevice'> & { readonly name: Buffer };

const NAMES_AT_ONCE = 512;

/** `undefined` where the file system doesn't tell with the name. */
const kindOf = (entry: Pick<ByteDirent, Exclude<keyof ByteDirent, 'name'>>): EntryKind | undefined => {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  if (entry.isSymbolicLink()) return 'symlink';
  const special = entry.isFIFO() || entry.isSocket() || entry.isCharacterDevice() || entry.isBlockDevice();
  return special ? 'other' : undefined;
};

const lookAt = async (path: FilePath): Promise<EntryKind> => {
  try {
    return kindOf(await lstat(path)) ?? 'other';
  } catch {
    return 'other';
  }
};
