import { type Owed, type OwedByBody, UNKNOWN } from './owed.ts';

/**
 * Which answers are still to come, and which come though nothing asked for them. After bytes were changed on their
 * way it is not known what the server has read: what was sent until it answers a probe need not be answered, and from
 * then on any id may be.
 */
export class Ledger {
  #owed: OwedByBody[] = [];
  /** The method that was called with an id, unless there were several. */
  readonly #methods = new Map<string, string | undefined>();
  #inDoubt = false;
  #anyId = false;

  /** Answers that must still come. */
  get outstanding(): readonly Owed[] {
    return this.#owed.flatMap(({ answers }) => answers);
  }

  /** True while it is unknown how much the server has read. */
  get inDoubt(): boolean {
    return this.#inDoubt;
  }

  sent(owed: readonly OwedByBody[]): void {
    for (const { ids, method } of owed.flatMap(({ answers }) => answers)) {
      const [id = UNKNOWN] = ids;
      this.#methods.set(id, this.#methods.has(id) && this.#methods.get(id) !== method ? undefined : method);
    }
    if (!this.#inDoubt) this.#owed.push(...owed.filter(({ answers }) => answers.length > 0));
  }

  /** Bytes that are no frame were sent. */
  disturbed(): void {
    this.#inDoubt = true;
    this.#anyId = true;
  }

  /** The server has read what was sent. */
  inStep(): void {
    this.#inDoubt = false;
  }

  /** Strikes off the answers with these ids. @returns the methods that they answer, or `undefined` if none is owed */
  received(ids: readonly string[], batch: boolean): ReadonlyArray<string | undefined> | undefined {
    const fitting = this.#owed.filter(owed => fits(owed, ids, batch));
    // One that may have another id, too, goes last.
    const certain = fitting.find(
      ({ answers, refusable }) => !refusable && answers.every(answer => answer.ids.length === 1),
    );
    const at = this.#owed.indexOf(certain ?? fitting[0] ?? NONE);
    const [found] = at < 0 ? [] : this.#owed.splice(at, 1);
    if (found === undefined && !this.#anyId) return undefined;
    return ids.map(id => (found === undefined ? undefined : this.#methods.get(id)));
  }
}

const NONE: OwedByBody = { batch: false, answers: [] };

const fits = (
  { batch, answers, refusable }: OwedByBody,
  ids: readonly string[],
  isBatch: boolean,
): boolean => {
  if (refusable && !isBatch && ids[0] === UNKNOWN) return true;
  if (batch !== isBatch || answers.length !== ids.length) return false;
  return answers.every((answer, at) => answer.ids.includes(ids[at] ?? UNKNOWN));
};
