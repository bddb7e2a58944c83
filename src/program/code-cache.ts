import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Files kept for one program, for other versions of it and of Node; beyond it the others are removed. */
export const MAX_CACHE_FILES = 8;
/** Size beyond which a file is not read. */
export const MAX_CACHE_FILE_BYTES = 16 * 1024 * 1024;

const SUFFIX = '.code';
const DIGEST_BYTES = 32;

/**
 * Compiled code of a program, cached in a file next to the program. V8 executes it without a check, so the file has to be
 * as trusted as the program and unchanged: it starts with the SHA-256 digest of the rest, which starts with the key.
 */
export class CodeCache {
  readonly #directory: string;
  /** Prefix of the names of all files of the program. */
  readonly #prefix: string;
  readonly #path: string;
  /** Digest of everything that the code depends on. */
  readonly #key: Buffer;

  /**
   * Creates the cache of a program for this version of Node and its flags.
   *
   * @param program real path of its file
   * @param id digest of its text
   * @param env environment of this process
   * @returns `undefined` if another user can create files there, on Windows, where this is not known, and if
   *   `NODE_DISABLE_COMPILE_CACHE` is set
   */
  static nextTo(program: string, id: string, env: NodeJS.ProcessEnv): CodeCache | undefined {
    if (process.getuid === undefined || env.NODE_DISABLE_COMPILE_CACHE) return undefined;
    return isOnlyOurs(dirname(program)) ? new CodeCache(program, id, env) : undefined;
  }

  private constructor(program: string, id: string, env: NodeJS.ProcessEnv) {
    const node = [process.version, process.arch, process.execArgv, env.NODE_OPTIONS];
    this.#key = sha256(JSON.stringify([id, ...node]));
    this.#directory = dirname(program);
    this.#prefix = `.${basename(program)}.`;
    this.#path = this.#file(this.#key.toString('hex', 0, 8));
  }

  /** Reads the code if it is usable. A damaged file is removed. */
  read(): Buffer | undefined {
    try {
      const content = readTrusted(this.#path);
      const body = content.subarray(DIGEST_BYTES);
      const isIntact = sha256(body).equals(content.subarray(0, DIGEST_BYTES));
      if (isIntact && body.subarray(0, DIGEST_BYTES).equals(this.#key)) return body.subarray(DIGEST_BYTES);
      rmSync(this.#path);
    } catch {
      // The file does not exist, or may not be used or removed.
    }
    return undefined;
  }

  /** Returns true if this user can write to the directory. */
  isWritable(): boolean {
    try {
      accessSync(this.#directory, constants.W_OK);
      return true;
    } catch {
      return false;
    }
  }

  /** Writes the code, completely or not at all. After a failure the next start compiles again. */
  write(code: Buffer): void {
    const temporary = this.#file(String(process.pid));
    const body = Buffer.concat([this.#key, code]);
    try {
      try {
        writeNew(temporary, Buffer.concat([sha256(body), body]));
        renameSync(temporary, this.#path);
      } finally {
        rmSync(temporary, { force: true });
      }
      this.#removeOthers();
    } catch {
      // The cache only makes a start faster.
    }
  }

  #file(name: string): string {
    return join(this.#directory, `${this.#prefix}${name}${SUFFIX}`);
  }

  #removeOthers(): void {
    const others = readdirSync(this.#directory)
      .filter(name => name.startsWith(this.#prefix) && name.endsWith(SUFFIX))
      .map(name => join(this.#directory, name))
      .filter(path => path !== this.#path);
    if (others.length < MAX_CACHE_FILES) return;
    for (const path of others) rmSync(path, { force: true });
  }
}

// node:crypto takes a millisecond to load, so it is loaded here, after the first answer.
const sha256 = (data: string | Buffer): Buffer =>
  process.getBuiltinModule('node:crypto').createHash('sha256').update(data).digest();

/** Returns true if only this user and root can write to a directory, and to those above it. */
const isOnlyOurs = (directory: string): boolean => {
  const found = lstatSync(directory, { throwIfNoEntry: false });
  if (!found?.isDirectory() || !isWrittenByUsOnly(found)) return false;
  const parent = dirname(directory);
  return parent === directory || isOnlyOurs(parent);
};

const isWrittenByUsOnly = ({ uid, mode }: Stats): boolean =>
  [0, process.getuid?.()].includes(uid) && (mode & 0o022) === 0;

const readTrusted = (path: string): Buffer => {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const found = fstatSync(file);
    const isUsable = found.isFile() && isWrittenByUsOnly(found) && found.size <= MAX_CACHE_FILE_BYTES;
    return isUsable ? readFileSync(file) : Buffer.alloc(0);
  } finally {
    closeSync(file);
  }
};

const writeNew = (path: string, content: Buffer): void => {
  const file = openSync(path, 'wx', 0o644);
  try {
    writeFileSync(file, content);
    // So that a power failure leaves all of it or nothing.
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
};
