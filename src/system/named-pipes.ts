import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, realpathSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { NamedPipe } from './named-pipe.ts';
import type { PinnedFile } from './pinned-file.ts';
import { shortageOf } from './shortage.ts';
import { systemProgram } from './system-program.ts';

/**
 * Pipes for the streams of children: FIFOs in a private directory.
 *
 * Node gives its children socket pairs. A program cannot reopen these through /dev/stdout or /dev/stdin (ENXIO), their
 * holders cannot be found, and they carry a third less. A FIFO behaves like a pipe. It is reused when no process has it
 * open, unless it was searched for: the processes found may be killed a moment later.
 *
 * There are as many FIFOs as processes have open, here or elsewhere, plus one batch of free ones. Those that only other
 * processes hold are checked within a minute, and removed when their holders are gone.
 */
export class NamedPipes {
  readonly #tempDir: string;
  readonly #onDirectory: (directory: string) => void;
  #directory: string | undefined;
  readonly #mkfifo: string;
  /** FIFOs in use: open here, or held by others. */
  readonly #used = new Set<NamedPipe>();
  #free: string[] = [];
  #made = 0;
  /** A batch that is being made in the background. */
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

  /** The reason why there are none here, once it is known. */
  get unavailable(): string | undefined {
    return this.#unavailable;
  }

  /** Their directory, once it exists. */
  get directory(): string | undefined {
    return this.#directory;
  }

  /** Pins those that others hold although our end is closed or about to be, and inputs that a process reads. */
  pinHeld(): PinnedFile[] {
    return [...this.#used].filter(pipe => pipe.isHeld).flatMap(pipe => pipe.pin() ?? []);
  }

  /** Makes the first batch in the background. */
  prepare(): void {
    if (this.#made === 0) this.#makeMore();
  }

  /** A pipe that a child writes and we read; `undefined` where there can be none. */
  forOutput(): NamedPipe | undefined {
    return this.#open('output', open => {
      // In this order neither open waits: the reader needs no writer, and then the writer has its reader.
      const ours = open(constants.O_RDONLY | constants.O_NONBLOCK);
      return { ours, childs: open(constants.O_WRONLY) };
    });
  }

  /** A pipe that we write and a child reads; `undefined` where there can be none. */
  forInput(): NamedPipe | undefined {
    return this.#open('input', open => {
      // To read, a blocking open waits for a writer; one that does both never waits.
      const both = open(constants.O_RDWR | constants.O_NONBLOCK);
      const childs = open(constants.O_RDONLY);
      const ours = open(constants.O_WRONLY | constants.O_NONBLOCK);
      closeSync(both);
      return { ours, childs };
    });
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

  #open(
    direction: NamedPipe['direction'],
    openEnds: (open: (flags: number) => number) => Pick<NamedPipe, 'ours' | 'childs'>,
  ): NamedPipe | undefined {
    const path = this.#take();
    if (path === undefined) return undefined;
    const opened: number[] = [];
    const open = (flags: number): number => {
      const fd = openSync(path, flags);
      opened.push(fd);
      return fd;
    };
    try {
      const pipe = new NamedPipe({ direction, path, ...openEnds(open) }, reusable =>
        this.#done(pipe, reusable),
      );
      this.#used.add(pipe);
      return pipe;
    } catch (error) {
      // Out of descriptors, or the directory was removed. Node's own pipes may still work.
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

  /** Makes a batch in the background. */
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
    // The real path, as /proc shows it.
    const directory = mkdtempSync(join(realpathSync(this.#tempDir), 'exec-server-'));
    this.#onDirectory(directory);
    return directory;
  }

  #done(pipe: NamedPipe, reusable: boolean): void {
    this.#used.delete(pipe);
    if (this.#unavailable !== undefined) return;
    if (reusable) this.#free.push(pipe.path);
    else unlinkIfThere(pipe.path);
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

const unlinkIfThere = (path: string): void => {
  try {
    unlinkSync(path);
  } catch {
    // It is gone with its directory.
  }
};
