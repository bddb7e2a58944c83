import { descriptorPath, hasDescriptorPaths } from './descriptor-path.ts';
import { declareInPool, libcUnavailable } from './libc.ts';

/**
 * Extended attributes of a file by name. On Linux they also hold its access control list (`POSIX_ACL`), its capabilities
 * and its security labels.
 */
export type ExtendedAttributes = ReadonlyMap<string, Buffer>;

/** The name of the access control list. */
export const POSIX_ACL = 'system.posix_acl_access';

/**
 * Returns the access to extended attributes; `undefined` where the C library cannot be called or /proc is not mounted.
 * Linux only.
 */
export const attributeAccess = (): AttributeAccess | undefined => {
  if (access === undefined && libcUnavailable() === undefined && hasDescriptorPaths()) {
    try {
      access = new AttributeAccess();
    } catch {
      // From now on `libcUnavailable` returns the reason, unless it was a shortage.
    }
  }
  return access;
};

let access: AttributeAccess | undefined;

/**
 * The extended attributes of files, by descriptor; one that was opened with O_PATH will do. Calls fail with errors of the
 * system.
 */
class AttributeAccess {
  readonly #calls = declareCalls();

  /** Returns all attributes; none if the file system has no attributes. */
  async read(descriptor: number): Promise<ExtendedAttributes> {
    const path = descriptorPath(descriptor);
    const names = await this.#all(bytes => this.#calls.list(path, bytes, bytes.length));
    const attributes = new Map<string, Buffer>();
    for (const name of names?.toString().split('\0').slice(0, -1) ?? []) {
      const value = await this.get(descriptor, name);
      if (value !== undefined) attributes.set(name, value);
    }
    return attributes;
  }

  /** Returns the value of an attribute, or `undefined` if the file has no such attribute. */
  get(descriptor: number, name: string): Promise<Buffer | undefined> {
    const path = descriptorPath(descriptor);
    return this.#all(bytes => this.#calls.get(path, name, bytes, bytes.length));
  }

  async set(descriptor: number, name: string, value: Buffer): Promise<void> {
    await this.#calls.set(descriptorPath(descriptor), name, value, value.length, 0);
  }

  async remove(descriptor: number, name: string): Promise<void> {
    await this.#calls.remove(descriptorPath(descriptor), name);
  }

  async #all(read: (bytes: Buffer) => Promise<number>): Promise<Buffer | undefined> {
    try {
      return await withRoom(read);
    } catch (error) {
      if (MISSING.includes(String((error as NodeJS.ErrnoException).code))) return undefined;
      throw error;
    }
  }
}

/** ENODATA: no such attribute. ENOTSUP, which has the number of EOPNOTSUPP: the file system has none. */
const MISSING = ['ENODATA', 'ENOTSUP', 'EOPNOTSUPP'];

/** Calls with a buffer of the usual length, and once more with the largest. */
const withRoom = async (read: (bytes: Buffer) => Promise<number>): Promise<Buffer> => {
  for (const length of [USUAL_BYTES, MAX_BYTES]) {
    const bytes = Buffer.alloc(length);
    try {
      return bytes.subarray(0, await read(bytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERANGE' || length === MAX_BYTES) throw error;
    }
  }
  return Buffer.alloc(0);
};

const USUAL_BYTES = 1024;

/** The limit of Linux for the names of a file and for one value (XATTR_LIST_MAX, XATTR_SIZE_MAX). */
const MAX_BYTES = 64 * 1024;

const declareCalls = () => ({
  list: declareInPool<[string, Buffer, number]>('int64_t listxattr(const char *, void *, size_t)'),
  get: declareInPool<[string, string, Buffer, number]>(
    'int64_t getxattr(const char *, const char *, void *, size_t)',
  ),
  set: declareInPool<[string, string, Buffer, number, number]>(
    'int setxattr(const char *, const char *, const void *, size_t, int)',
  ),
  remove: declareInPool<[string, string]>('int removexattr(const char *, const char *)'),
});
