import type { FileHandle } from 'node:fs/promises';
import { attributeAccess, POSIX_ACL } from '../../system/extended-attributes.ts';

/**
 * Returns the mode for a copy of a file without its access control list. With a list the group bits of the mode are the
 * mask, the largest access of any entry; those that are returned are the access of the group itself. Where no list can be
 * read, the mode is returned unchanged.
 */
export const modeWithoutAcl = async (handle: FileHandle): Promise<number> => {
  const { mode } = await handle.stat();
  const acl = await attributeAccess()?.get(handle.fd, POSIX_ACL);
  return acl === undefined ? mode : (mode & ~GROUP_BITS) | (groupAccess(acl) << 3);
};

const GROUP_BITS = 0o070;

/** The access of the owning group in a list: a header of 4 bytes, then tag, access and id of each entry. */
const groupAccess = (acl: Buffer): number => {
  let access = 0o7;
  for (let at = 4; at + ENTRY_BYTES <= acl.length; at += ENTRY_BYTES) {
    if (GROUP_TAGS.has(acl.readUInt16LE(at))) access &= acl.readUInt16LE(at + 2);
  }
  return access;
};

const ENTRY_BYTES = 8;

/** The entries that limit the group: its own (ACL_GROUP_OBJ), and the mask (ACL_MASK). */
const GROUP_TAGS: ReadonlySet<number> = new Set([0x04, 0x10]);
