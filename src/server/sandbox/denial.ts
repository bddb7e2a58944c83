/** What a confined process seems to have run into, judged by what it wrote last. */
export class Denial {
  readonly #network: boolean;
  #tail = Buffer.alloc(0);

  /** @param network whether it has the network of the machine */
  constructor(network: boolean) {
    this.#network = network;
  }

  /** Takes in output, of all streams. */
  push(bytes: Buffer): void {
    const both = this.#tail.length === 0 ? bytes : Buffer.concat([this.#tail, bytes.subarray(-TAIL_BYTES)]);
    this.#tail = Buffer.from(both.subarray(-TAIL_BYTES));
  }

  /** Whether a process that ended like this was likely denied something. */
  likely(exitCode: number): boolean {
    if (exitCode === 0) return false;
    const text = this.#tail.toString('latin1');
    return FILES.test(text) || (!this.#network && NETWORK.test(text));
  }
}

const TAIL_BYTES = 16 * 1024;

// As the C library, and in the end most programs, say EROFS, EPERM and EACCES; and as Node and Rust do.
const FILES = /read-only file system|operation not permitted|permission denied|\b(?:EROFS|EPERM|EACCES)\b/i;

const NETWORK =
  /network is unreachable|could not resolve host|(?:temporary failure|failure) in name resolution|connection refused|\b(?:ENETUNREACH|EAI_AGAIN)\b/i;
