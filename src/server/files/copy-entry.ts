import { constants, type Stats } from 'node:fs';
import { type FileHandle, readlink, symlink } from 'node:fs/promises';
import { fileRefused } from '../../protocol/errors.ts';
import { copyContent } from './copy-content.ts';
import { onPath } from './file-errors.ts';
import type { FilePath } from './file-path.ts';
import { PERMISSIONS } from './inherited-properties.ts';
import { modeWithoutAcl } from './mode-without-acl.ts';
import { empty, NO_FOLLOW, openRegular } from './regular-file.ts';

/** A path at which the system finds a file, and its URI for errors. */
export type Spot = { readonly location: FilePath; readonly uri: string };

/** Copies a symbolic link as a link; the copy must not exist yet. */
export const copyLink = async (from: Spot, to: Spot): Promise<void> => {
  const target = await onPath(from.uri, () => readlink(from.location, { encoding: 'buffer' }));
  await onPath(to.uri, () => symlink(target, to.location));
};

/**
 * Copies a regular file with its permission bits; a link at the destination is followed.
 *
 * @param block the buffer for a block
 * @param signal aborts the copy with its reason, between two blocks
 */
export const copyFile = async (from: Spot, to: Spot, block: Buffer, signal: AbortSignal): Promise<void> => {
  const source = await openRegular(from.location, from.uri, constants.O_RDONLY | NO_FOLLOW);
  try {
    // A new file is private until it has its final bits.
    const copied = await openRegular(to.location, to.uri, constants.O_WRONLY | constants.O_CREAT, 0o600);
    try {
      await onPath(to.uri, () => assertDifferent(source, copied, to.uri));
      const mode = await onPath(to.uri, async () => copiedMode(source, await copied.stat()));
      await onPath(to.uri, () => empty(copied, mode));
      const sides = { from: { handle: source, uri: from.uri }, to: { handle: copied, uri: to.uri } };
      await copyContent(sides, block, signal);
      // Writing clears the set-user-ID bit.
      await onPath(to.uri, () => copied.chmod(mode));
    } finally {
      await copied.close();
    }
  } finally {
    await source.close();
  }
};

const assertDifferent = async (from: FileHandle, to: FileHandle, uri: string): Promise<void> => {
  const [a, b] = [await from.stat({ bigint: true }), await to.stat({ bigint: true })];
  if (a.dev === b.dev && a.ino === b.ino) {
    throw fileRefused('sameFile', uri, 'a file cannot be copied to itself');
  }
};

// A set-user-ID program must not run as the owner of its copy.
const copiedMode = async (from: FileHandle, copied: Stats): Promise<number> => {
  const { uid, gid } = await from.stat();
  const isSameOwner = uid === copied.uid && gid === copied.gid;
  return (await modeWithoutAcl(from)) & (isSameOwner ? PERMISSIONS : PERMISSIONS & ~SET_ID);
};

const SET_ID = 0o6000;
