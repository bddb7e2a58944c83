import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** How many programs keep their code in the cache, counting each of their bundles; beyond it the others are removed. */
export const MAX_CACHED_PROGRAMS = 8;

const SUFFIX = '.code';

/**
 * Where the code that V8 made of a program is kept between runs: a folder of the user's cache. What is read
 * from there is run, so only a file that nobody but its owner can have written is taken.
 */
export class CodeCache {
  readonly #directory: string;
  readonly #path: string;

  /** @param name says which program, for which V8: nothing else may ever be kept under it */
  constructor(directory: string, name: string) {
    this.#directory = directory;
    this.#path = join(directory, `${name}${SUFFIX}`);
  }

  /** The code, or `undefined` if there is none that may be used. */
  read(): Buffer | undefined {
    try {
      const file = openSync(this.#path, 'r');
      try {
        const { uid, mode } = fstatSync(file);
        const trusted = process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
        return trusted ? readFileSync(file) : undefined;
      } finally {
        closeSync(file);
      }
    } catch {
      return undefined;
    }
  }

  /** Keeps the code, whole or not at all. Where it can't be kept, the next run has none. */
  write(code: Buffer): void {
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      const made = `${this.#path}.${process.pid}`;
      try {
        writeWhole(made, code);
        renameSync(made, this.#path);
      } finally {
        rmSync(made, { force: true });
      }
      this.#removeOthers();
    } catch {
      // A start without it is slower, no more.
    }
  }

  #removeOthers(): void {
    const others = readdirSync(this.#directory).filter(
      name => name.endsWith(SUFFIX) && join(this.#directory, name) !== this.#path,
    );
    if (others.length < MAX_CACHED_PROGRAMS) return;
    for (const name of others) rmSync(join(this.#directory, name), { force: true });
  }
}

const writeWhole = (path: string, bytes: Buffer): void => {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeFileSync(file, bytes);
    // After a power cut it must not be there by half.
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
};

/**
 * The folder for an environment: `exec-server` in `$XDG_CACHE_HOME` or `~/.cache`.
 *
 * @returns `undefined` where there is none, or `NODE_DISABLE_COMPILE_CACHE` is set
 */
export const cacheDirectory = (env: NodeJS.ProcessEnv): string | undefined => {
  if (env.NODE_DISABLE_COMPILE_CACHE) return undefined;
  if (env.XDG_CACHE_HOME?.startsWith('/')) return join(env.XDG_CACHE_HOME, 'exec-server');
  return env.HOME?.startsWith('/') ? join(env.HOME, '.cache', 'exec-server') : undefined;
};
