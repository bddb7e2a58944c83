/** A heuristic for denied accesses, based on the last output of a sandboxed process. */
export class DenialDetector {
  readonly #network: boolean;
  #tail = Buffer.alloc(0);

  /** @param network true if the process has the network of the machine */
  constructor(network: boolean) {
    this.#network = network;
  }

  /** Takes the next output of any stream. */
  push(bytes: Buffer): void {
    const both = this.#tail.length === 0 ? bytes : Buffer.concat([this.#tail, bytes.subarray(-TAIL_BYTES)]);
    this.#tail = Buffer.from(both.subarray(-TAIL_BYTES));
  }

  /** Returns true if a process that exited with this code was likely denied an access. */
  isLikely(exitCode: number): boolean {
    if (exitCode === 0) return false;
    const text = this.#tail.toString('latin1');
    return FILES.test(text) || (!this.#network && NETWORK.test(text));
  }
}

const TAIL_BYTES = 16 * 1024;

// The messages of the C library for EROFS, EPERM and EACCES, which most programs print, and the names that Node prints.
const FILES = /read-only file system|operation not permitted|permission denied|\b(?:EROFS|EPERM|EACCES)\b/i;

const NETWORK =
  /network is unreachable|could not resolve host|(?:temporary failure|failure) in name resolution|connection refused|\b(?:ENETUNREACH|EAI_AGAIN)\b/i;
