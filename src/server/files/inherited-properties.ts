import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { fileRefused } from '../../protocol/errors.ts';
import { O_PATH } from '../../system/descriptor-path.ts';
import { attributeAccess } from '../../system/extended-attributes.ts';
import { isNotFound, isSystemError } from './file-errors.ts';
import type { FilePath } from './file-path.ts';
import { statIfExists } from './regular-file.ts';

/** A file to replace. Its descriptor, on Linux only, neither reads nor writes it. */
export type ExistingFile = { readonly stats: Stats; readonly descriptor: number | undefined };

/** Calls `act` with the file at a path, or with `undefined` if there is none. A link is not followed on Linux. */
export const withExisting = async <Result>(
  path: FilePath,
  act: (existing: ExistingFile | undefined) => Promise<Result>,
): Promise<Result> => {
  if (process.platform !== 'linux') {
    const stats = await statIfExists(path);
    return act(stats && { stats, descriptor: undefined });
  }
  const handle = await openIfExists(path);
  if (handle === undefined) return act(undefined);
  try {
    return await act({ stats: await handle.stat(), descriptor: handle.fd });
  } finally {
    await handle.close();
  }
};

/**
 * Gives a new file the properties of the file that it replaces: owner, permission bits, access control list and extended
 * attributes, among them capabilities. No user gets access that they did not have.
 *
 * @param fileMode other permission bits
 * @throws {ExecServerError} `fileRefused` if one cannot be kept
 */
export const inheritProperties = async (
  handle: FileHandle,
  existing: ExistingFile,
  fileMode: number | undefined,
  uri: string,
): Promise<void> => {
  const { stats, descriptor } = existing;
  await keepOwner(handle, stats, uri);
  const attributes = attributeAccess();
  if (attributes === undefined || descriptor === undefined) {
    if (fileMode === undefined) assertGroupVisible(stats, uri);
  } else {
    await keepAttributes(attributes, { from: descriptor, to: handle.fd }, uri);
  }
  const mode = stats.mode & PERMISSIONS;
  await handle.chmod(fileMode ?? mode);
  // The system may ignore some bits, or clear the set-group-ID bit.
  const isChanged = fileMode === undefined && ((await handle.stat()).mode & PERMISSIONS) !== mode;
  if (isChanged) throw lost('attributes', 'its permission bits', uri);
};

/** The bits of a mode that chmod(2) sets. */
export const PERMISSIONS = 0o7777;

const openIfExists = async (path: FilePath): Promise<FileHandle | undefined> => {
  try {
    return await open(path, O_PATH | constants.O_NOFOLLOW);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
};

const keepOwner = async (handle: FileHandle, { uid, gid }: Stats, uri: string): Promise<void> => {
  const own = await handle.stat();
  if (own.uid === uid && own.gid === gid) return;
  try {
    await handle.chown(uid, gid);
  } catch (error) {
    throw isSystemError(error) ? lost('owner', `its owner (user ${uid}, group ${gid})`, uri) : error;
  }
};

type Attributes = NonNullable<ReturnType<typeof attributeAccess>>;

/** Makes the attributes of a new file equal: it may also have inherited an access control list from its directory. */
const keepAttributes = async (
  attributes: Attributes,
  { from, to }: { readonly from: number; readonly to: number },
  uri: string,
): Promise<void> => {
  const wanted = await attributes.read(from);
  const present = await attributes.read(to);
  const change = async (name: string, act: () => Promise<void>) => {
    if (OF_CONTENT.has(name)) return;
    try {
      await act();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw lost('attributes', `its extended attribute ${name} (${error.code})`, uri);
    }
  };
  for (const name of present.keys()) {
    if (!wanted.has(name)) await change(name, () => attributes.remove(to, name));
  }
  for (const [name, value] of wanted) {
    if (!present.get(name)?.equals(value)) await change(name, () => attributes.set(to, name, value));
  }
};

/** Hashes and signatures of the content, which the system renews. */
const OF_CONTENT: ReadonlySet<string> = new Set(['security.ima', 'security.evm']);

/**
 * Refuses a file that may have an access control list, where none can be read: its group bits are then the largest access
 * of any entry, and would become the access of the group. They are harmless if all users have that access.
 */
const assertGroupVisible = ({ mode }: Stats, uri: string): void => {
  if (SEPARATE_ACL.has(process.platform)) return;
  const [group, others] = [(mode >> 3) & 0o7, mode & 0o7];
  if ((group & ~others) !== 0) throw lost('attributes', 'an access control list, which it may have', uri);
};

/** Platforms whose access control lists do not show in the permission bits. */
const SEPARATE_ACL: ReadonlySet<string> = new Set(['darwin', 'win32']);

const lost = (reason: 'owner' | 'attributes', property: string, uri: string) =>
  fileRefused(reason, uri, `an atomic write cannot keep ${property}; write it without atomic`);
