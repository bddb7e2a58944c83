/**
 * A queue of bytes in blocks of memory. The first blocks are short, so that little output takes little memory; long ones
 * are reused after their bytes are dropped.
 */
export class ByteBlocks {
  readonly #blocks: Block[] = [];
  #end = 0;

  /** Offset of the next byte, counted from the first byte that was ever added. */
  get end(): number {
    return this.#end;
  }

  /** Upper bound of the memory that adding so many bytes takes. */
  memoryFor(bytes: number): number {
    let needed = 0;
    let capacity = this.#blocks.at(-1)?.bytes.length ?? 0;
    for (let missing = bytes - this.#room; missing > 0; missing -= capacity) {
      capacity = nextCapacity(capacity, missing);
      needed += capacity;
    }
    return needed;
  }

  /** Adds a copy of the bytes; returns the memory that it took. */
  push(bytes: Buffer): number {
    let taken = 0;
    for (let at = 0; at < bytes.length; ) {
      if (this.#room === 0) taken += this.#addBlock(bytes.length - at);
      const block = this.#blocks.at(-1) as Block;
      const copied = bytes.copy(block.bytes, this.#end - block.start, at);
      this.#end += copied;
      at += copied;
    }
    return taken;
  }

  /** Drops all bytes before an offset; returns the memory that was freed. */
  dropBefore(offset: number): number {
    let freed = 0;
    for (let first = this.#blocks[0]; first && blockEnd(first) <= offset; first = this.#blocks[0]) {
      this.#blocks.shift();
      freed += free(first);
    }
    return freed;
  }

  /** Drops everything; returns the memory that was freed. */
  clear(): number {
    return this.#blocks.splice(0).reduce((freed, block) => freed + free(block), 0);
  }

  /** The bytes from an offset on; valid until the next change. */
  read(offset: number, length: number): Buffer {
    const parts: Buffer[] = [];
    for (let at = this.#blockAt(offset), from = offset; from < offset + length; at += 1) {
      const block = this.#blocks[at] as Block;
      const to = Math.min(blockEnd(block), offset + length);
      parts.push(block.bytes.subarray(from - block.start, to - block.start));
      from = to;
    }
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }

  get #room(): number {
    const last = this.#blocks.at(-1);
    return last === undefined ? 0 : blockEnd(last) - this.#end;
  }

  #addBlock(wanted: number): number {
    const capacity = nextCapacity(this.#blocks.at(-1)?.bytes.length ?? 0, wanted);
    const bytes = capacity === BLOCK_BYTES ? longBlock() : Buffer.allocUnsafeSlow(capacity);
    this.#blocks.push({ bytes, start: this.#end });
    return capacity;
  }

  /** Index of the block that contains an offset. */
  #blockAt(offset: number): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (blockEnd(this.#blocks[middle] as Block) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Memory and the offset of its first byte. All blocks but the last are full. */
type Block = { readonly bytes: Buffer<ArrayBuffer>; readonly start: number };

const BLOCK_BYTES = 64 * 1024;

/** Unused blocks, of all processes. */
const FREE_BLOCKS: Buffer<ArrayBuffer>[] = [];
const MAX_FREE_BLOCKS = 16;

/**
 * Resizable memory is not part of the heap of the C library, which keeps memory that is freed between other blocks: it
 * is returned to the system immediately.
 */
const longBlock = (): Buffer<ArrayBuffer> =>
  FREE_BLOCKS.pop() ?? Buffer.from(new ArrayBuffer(BLOCK_BYTES, { maxByteLength: BLOCK_BYTES }));

const nextCapacity = (last: number, wanted: number): number =>
  Math.min(BLOCK_BYTES, Math.max(wanted, 2 * last));

const blockEnd = ({ bytes, start }: Block): number => start + bytes.length;

const free = ({ bytes }: Block): number => {
  const { length } = bytes;
  if (length < BLOCK_BYTES) return length;
  if (FREE_BLOCKS.length < MAX_FREE_BLOCKS) FREE_BLOCKS.push(bytes);
  else bytes.buffer.resize(0);
  return length;
};
