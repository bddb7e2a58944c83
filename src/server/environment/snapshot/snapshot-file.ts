import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A file without a name, which ends with this process. A child that inherits the descriptor reads it by /dev/fd, on Linux
 * each time from the beginning, and cannot write it.
 */
export class SnapshotFile {
  readonly descriptor: number;
  #users = 0;
  #dropped = false;

  /** @throws {NodeJS.ErrnoException} */
  constructor(content: Buffer, directory: string) {
    const path = join(directory, `exec-server-${crypto.randomUUID()}`);
    const writer = openSync(path, 'wx', 0o400);
    try {
      writeAll(writer, content);
      this.descriptor = openSync(path, 'r');
    } finally {
      unlinkSync(path);
      closeSync(writer);
    }
  }

  /** Keeps the descriptor open until `release`. Returns false if it is closed. */
  acquire(): boolean {
    if (this.#dropped && this.#users === 0) return false;
    this.#users += 1;
    return true;
  }

  release(): void {
    this.#users -= 1;
    this.#closeIfUnused();
  }

  /** Closes the descriptor when it has no users. Idempotent. */
  drop(): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#closeIfUnused();
  }

  #closeIfUnused(): void {
    if (this.#dropped && this.#users === 0) closeSync(this.descriptor);
  }
}

const writeAll = (fd: number, content: Buffer): void => {
  for (let written = 0; written < content.length; ) written += writeSync(fd, content, written);
};
