import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readSync,
  realpathSync,
  rmSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { shortageOf } from '../../system/shortage.ts';
import { systemProgram } from '../../system/system-program.ts';

/** Both ends of one pipe. Ours doesn't block; the child's does, as programs expect of their streams. */
export type PipeEnds = {
  readonly ours: number;
  readonly childs: number;
  /** What a holder of either end has in /proc/PID/fd. */
  readonly path: string;
};

/**
 * Pipes for the streams of children, made of FIFOs in a directory of their own.
 *
 * Node gives its children socket pairs. A program can't open those again through /dev/stdout or
 * /dev/stdin (ENXIO), nobody can tell who holds the other end, and they carry a third less. A FIFO is a
 * pipe in each respect, and once nobody has it open it can be used again.
 */
export class NamedPipes {
  readonly #tempDir: string;
  readonly #onDirectory: (directory: string) => void;
  #directory: string | undefined;
  /** Given out for input and not free again. */
  readonly #mkfifo: string;
  readonly #inputs = new Set<string>();
  /** Others had them open when our end was closed, or may have. */
  readonly #held = new Set<string>();
  #free: string[] = [];
  #made = 0;
  /** While some are made that nobody waits for yet. */
  #making: Promise<void> | undefined;
  #unavailable: string | undefined;

  /**
   * @param onDirectory called with the directory before the first FIFO is in it
   * @param mkfifo the program that makes FIFOs
   */
  constructor(
    tempDir: string,
    onDirectory: (directory: string) => void,
    mkfifo: string = systemProgram('mkfifo'),
  ) {
    this.#tempDir = tempDir;
    this.#onDirectory = onDirectory;
    this.#mkfifo = mkfifo;
  }

  /** Why there can be none here, once that is known. */
  get unavailable(): string | undefined {
    return this.#unavailable;
  }

  /** Where they are, once there are any. */
  get directory(): string | undefined {
    return this.#directory;
  }

  /**
   * Those that somebody still has open although our end is closed or about to be, and inputs that somebody reads.
   * Of inputs it tells nothing while children run.
   */
  held(): string[] {
    return [...new Set([...this.#held, ...[...this.#inputs].filter(hasReaders)])];
  }

  /** Whether others had a pipe open when our end was closed, and it isn't in use again. */
  isHeld(path: string): boolean {
    return this.#held.has(path);
  }

  /** Makes the first ones while nobody waits for them. */
  prepare(): void {
    if (this.#made === 0) this.#makeMore();
  }

  /** A pipe that a child writes and we read; `undefined` where there can be none. */
  forOutput(): PipeEnds | undefined {
    return this.#open(open => {
      // In this order neither open waits: the reader needs no writer, and then the writer has its reader.
      const ours = open(constants.O_RDONLY | constants.O_NONBLOCK);
      return { ours, childs: open(constants.O_WRONLY) };
    });
  }

  /** A pipe that we write and a child reads; `undefined` where there can be none. */
  forInput(): PipeEnds | undefined {
    const ends = this.#open(open => {
      // To read, a blocking open waits for a writer; one that does both never waits.
      const both = open(constants.O_RDWR | constants.O_NONBLOCK);
      const childs = open(constants.O_RDONLY);
      const ours = open(constants.O_WRONLY | constants.O_NONBLOCK);
      closeSync(both);
      return { ours, childs };
    });
    if (ends !== undefined) this.#inputs.add(ends.path);
    return ends;
  }

  /** Our end of a pipe that a child writes is about to be closed before its end; `release` follows. */
  cut(path: string): void {
    this.#held.add(path);
  }

  /**
   * Gives a pipe back when our end is closed. It is used again only if nobody else has it open.
   *
   * @param ended whether our end was read to its end, so that nobody can write any more
   */
  release(path: string, ended: boolean): void {
    if (this.#unavailable === undefined && !hasReaders(path) && (ended || !hasWriters(path)))
      this.#giveBack(path);
    else {
      this.#held.add(path);
      unlinkIfThere(path);
    }
  }

  /**
   * Gives back a pipe that children read, when our end is closed: it is used again when nobody reads it any
   * more. Until then each look lets those go on who open it by name: with a FIFO, and unlike with a pipe, an
   * open for reading waits for a writer even if there was one before.
   */
  releaseInput(path: string, lookAgainMs = FIRST_LOOK_MS): void {
    if (this.#unavailable !== undefined) return;
    if (!hasReaders(path)) {
      this.#giveBack(path);
      return;
    }
    this.#held.add(path);
    const next = Math.min(lookAgainMs * 2, LAST_LOOK_MS);
    setTimeout(() => this.releaseInput(path, next), lookAgainMs).unref();
  }

  /** Removes everything. Pipes that are still open go on working without a name. Never rejects. */
  async dispose(): Promise<void> {
    this.#unavailable ??= 'the server is shutting down';
    // A directory that files are still made in can't be removed.
    await this.#making;
    if (this.#directory === undefined) return;
    // Nearly all that is there, in a third of the time of `rm`, which looks at each file and waits for it.
    for (let number = 0; number < this.#made; number += 1)
      unlinkIfThere(join(this.#directory, String(number)));
    // Not by the threads of the pool: a file system that does not answer may have them all.
    try {
      rmSync(this.#directory, { recursive: true, force: true });
    } catch {
      // Out of descriptors; the watchdog removes the directory, too.
    }
  }

  #open(openEnds: (open: (flags: number) => number) => Omit<PipeEnds, 'path'>): PipeEnds | undefined {
    const path = this.#take();
    if (path === undefined) return undefined;
    const opened: number[] = [];
    const open = (flags: number): number => {
      const fd = openSync(path, flags);
      opened.push(fd);
      return fd;
    };
    try {
      return { ...openEnds(open), path };
    } catch (error) {
      // Out of descriptors, or somebody has removed the directory. Node's own pipes may still do.
      for (const fd of opened) closeSync(fd);
      unlinkIfThere(path);
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#giveUp(error as Error);
      return undefined;
    }
  }

  #take(): string | undefined {
    const free = this.#free.pop();
    if (free !== undefined && this.#free.length < FEW) this.#makeMore();
    if (free !== undefined || this.#unavailable !== undefined) return free;
    const paths = this.#nextPaths();
    if (paths === undefined) return undefined;
    const { status, error } = spawnSync(this.#mkfifo, ['-m', '600', ...paths], {
      stdio: 'ignore',
    });
    if (shortageOf(error) !== undefined) return undefined;
    if (status !== 0) {
      this.#giveUp(error ?? new Error(`mkfifo exited with code ${status}`));
      return undefined;
    }
    this.#free.push(...paths);
    return this.#free.pop();
  }

  /** Makes some while nobody has to wait for them. */
  #makeMore(): void {
    if (this.#making !== undefined || this.#unavailable !== undefined) return;
    const paths = this.#nextPaths();
    if (paths === undefined) return;
    const mkfifo = spawn(this.#mkfifo, ['-m', '600', ...paths], { stdio: 'ignore' });
    this.#making = new Promise(resolve => {
      const done = (error: Error | undefined) => {
        if (error === undefined) this.#free.push(...paths);
        else if (shortageOf(error) === undefined) this.#giveUp(error);
        this.#making = undefined;
        resolve();
      };
      mkfifo.on('error', done);
      mkfifo.on('exit', code => done(code === 0 ? undefined : new Error(`mkfifo exited with code ${code}`)));
    });
  }

  #nextPaths(): string[] | undefined {
    try {
      this.#directory ??= this.#makeDirectory();
    } catch (error) {
      this.#giveUp(error as Error);
      return undefined;
    }
    const directory = this.#directory;
    const length = Math.min(Math.max(SMALLEST_BATCH, this.#made), LARGEST_BATCH);
    return Array.from({ length }, () => join(directory, String(this.#made++)));
  }

  #makeDirectory(): string {
    // The real path, as /proc tells it.
    const directory = mkdtempSync(join(realpathSync(this.#tempDir), 'exec-server-'));
    this.#onDirectory(directory);
    return directory;
  }

  #giveBack(path: string): void {
    this.#inputs.delete(path);
    this.#held.delete(path);
    this.#free.push(path);
  }

  #giveUp(error: Error): void {
    this.#unavailable ??= `no named pipes: ${error.message}`;
  }
}

/**
 * FIFOs made by one run of mkfifo, which costs about as much as the start of a child: as many as there are, so that
 * it is run seldom however many are used.
 */
const SMALLEST_BATCH = 48;
const LARGEST_BATCH = 512;

/** With fewer left than this, more are made before a start has to wait for them. */
const FEW = 16;

const FIRST_LOOK_MS = 10;
const LAST_LOOK_MS = 500;

/** Whether anybody reads a pipe. Without a reader a non-blocking open for writing fails. */
export const hasReaders = (path: string): boolean => {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
    return true;
  } catch (error) {
    // ENOENT: somebody has removed it, which the next one to take it finds out.
    const code = (error as NodeJS.ErrnoException).code;
    return code !== 'ENXIO' && code !== 'ENOENT';
  }
};

// Without a writer a read finds the end of the file; with one it would have to wait.
const hasWriters = (path: string): boolean => {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return readSync(fd, Buffer.alloc(1)) > 0;
  } catch {
    return true;
  } finally {
    closeSync(fd);
  }
};

const unlinkIfThere = (path: string): void => {
  try {
    unlinkSync(path);
  } catch {
    // It is gone with its directory.
  }
};
