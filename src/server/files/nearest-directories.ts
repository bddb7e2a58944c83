import { stat } from 'node:fs/promises';
import type { FilePath, FilePaths } from './file-path.ts';

/** A directory to watch, and the names in it that matter, with one character for each byte. */
export type NearestDirectory = {
  readonly path: FilePath;
  /** Missing paths: any event for such a name means that it existed, if only for a moment. */
  readonly awaited: Set<string>;
  /** Directories on the way, and the present path: an event for such a name requires a check. */
  readonly near: Set<string>;
};

/** The paths to watch: those that do not exist, and one that does. */
export type Watchable = { readonly missing: readonly FilePath[]; readonly present?: FilePath | undefined };

/**
 * Finds the nearest existing directory above each path, where the next change has to happen. The key has path and inode,
 * since another directory may have the same path later.
 */
export const nearestDirectories = async (
  { missing, present }: Watchable,
  paths: FilePaths,
): Promise<Map<string, NearestDirectory>> => {
  const found = new Map<string, NearestDirectory>();
  for (const path of missing) addNearest(found, await directoryAbove(path, paths), 'awaited', paths);
  if (present !== undefined) addNearest(found, await directoryAbove(present, paths), 'near', paths);
  return found;
};

type Above = {
  readonly path: FilePath;
  readonly identity: string;
  readonly name: Buffer;
  readonly levels: number;
};

const directoryAbove = async (path: FilePath, paths: FilePaths, levels = 1): Promise<Above> => {
  const directory = paths.parent(path);
  const stats = await stat(directory, { bigint: true }).catch(() => undefined);
  const isRoot = paths.name(directory).length === 0;
  if (!stats?.isDirectory() && !isRoot) return directoryAbove(directory, paths, levels + 1);
  const identity = `${stats?.dev}:${stats?.ino} ${paths.uri(directory)}`;
  return { path: directory, identity, name: paths.name(path), levels };
};

const addNearest = (
  found: Map<string, NearestDirectory>,
  { path, identity, name, levels }: Above,
  kind: 'awaited' | 'near',
  paths: FilePaths,
): void => {
  const directory = found.get(identity) ?? { path, awaited: new Set(), near: new Set() };
  found.set(identity, directory);
  directory[levels === 1 ? kind : 'near'].add(name.toString('latin1'));
  // Events for the directory itself have its own name.
  directory.near.add(paths.name(path).toString('latin1'));
};
