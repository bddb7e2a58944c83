import { stat } from 'node:fs/promises';
import type { FilePath, FilePaths } from './file-path.ts';

/** A directory to watch, and the names in it that matter, byte for byte as characters. */
export type NearestDirectory = {
  readonly path: FilePath;
  /** Things that are awaited: whatever happens to such a name, it was there, if only for a moment. */
  readonly awaited: Set<string>;
  /** Directories on the way, and things that are to stay: whatever happens to such a name is worth a look. */
  readonly near: Set<string>;
};

/** What to watch. */
export type Watchable = { readonly missing: readonly FilePath[]; readonly present?: FilePath | undefined };

/**
 * Finds the directories in which the next thing has to happen: for each path the nearest one that exists. They are
 * told apart by path and inode, since at the same path there may be another one later.
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
  // Its own name comes with what happens to the directory itself.
  directory.near.add(paths.name(path).toString('latin1'));
};
