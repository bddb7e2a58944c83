import { Fifo } from '../../system/fifo.ts';
import { MAX_WRITE_ID_BYTES, MAX_WRITE_IDS, WRITE_ID_OVERHEAD_BYTES } from './limits.ts';

/**
 * The latest `writeId`s of the processes of a connection, limited in number for each process and in memory for all.
 * The oldest are forgotten first.
 */
export class WriteIds {
  readonly #inOrder = new Fifo<{ readonly ids: Set<string>; readonly id: string }>();
  #bytes = 0;

  /** A set for the ids of one process, to be passed to `remember`. */
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
