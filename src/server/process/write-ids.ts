import { Fifo } from '../../system/fifo.ts';
import { MAX_WRITE_ID_BYTES, MAX_WRITE_IDS, WRITE_ID_OVERHEAD_BYTES } from './limits.ts';

/**
 * The `writeId`s of the last writes to each process of a connection: those of a process are bounded in number, all
 * together in memory, and the oldest go first.
 */
export class WriteIds {
  readonly #inOrder = new Fifo<{ readonly ids: Set<string>; readonly id: string }>();
  #bytes = 0;

  /** Those of one process, which are `remember`ed here. */
  forProcess(): Set<string> {
    return new Set();
  }

  remember(ids: Set<string>, id: string): void {
    ids.add(id);
    const [oldest] = ids;
    if (ids.size > MAX_WRITE_IDS) ids.delete(oldest as string);
    this.#inOrder.push({ ids, id });
    this.#bytes += costOf(id);
    while (this.#bytes > MAX_WRITE_ID_BYTES) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const oldest = this.#inOrder.take();
    if (oldest === undefined) return;
    oldest.ids.delete(oldest.id);
    this.#bytes -= costOf(oldest.id);
  }
}

const costOf = (id: string): number => WRITE_ID_OVERHEAD_BYTES + 2 * id.length;
