import { type ExpectedAnswer, type ExpectedAnswers, UNKNOWN } from './expected-answers.ts';

/**
 * Matches answers with requests. After corrupted bytes it is unknown what the server has read: requests sent before
 * the next answered probe need no answer, and answers may have any id from then on.
 */
export class Ledger {
  #expected: ExpectedAnswers[] = [];
  /** The method requested with an id; `undefined` if there are several. */
  readonly #methods = new Map<string, string | undefined>();
  #outOfSync = false;
  #anyId = false;

  /** The answers that have not arrived yet. */
  get outstanding(): readonly ExpectedAnswer[] {
    return this.#expected.flatMap(({ answers }) => answers);
  }

  /** True while it is unknown what the server has read. */
  get outOfSync(): boolean {
    return this.#outOfSync;
  }

  sent(expected: readonly ExpectedAnswers[]): void {
    for (const { ids, method } of expected.flatMap(({ answers }) => answers)) {
      const [id = UNKNOWN] = ids;
      this.#methods.set(id, this.#methods.has(id) && this.#methods.get(id) !== method ? undefined : method);
    }
    if (!this.#outOfSync) this.#expected.push(...expected.filter(({ answers }) => answers.length > 0));
  }

  /** Records that bytes other than frames were sent. */
  corrupted(): void {
    this.#outOfSync = true;
    this.#anyId = true;
  }

  /** Records that the server has read all that was sent. */
  synchronized(): void {
    this.#outOfSync = false;
  }

  /** Removes the answers with these ids. Returns the requested methods, or `undefined` if no answer was expected. */
  received(ids: readonly string[], batch: boolean): ReadonlyArray<string | undefined> | undefined {
    const candidates = this.#expected.filter(expected => matches(expected, ids, batch));
    // Expected answers with several possible ids are matched last.
    const certain = candidates.find(
      ({ answers, refusable }) => !refusable && answers.every(answer => answer.ids.length === 1),
    );
    const at = this.#expected.indexOf(certain ?? candidates[0] ?? NONE);
    const [found] = at < 0 ? [] : this.#expected.splice(at, 1);
    if (found === undefined && !this.#anyId) return undefined;
    return ids.map(id => (found === undefined ? undefined : this.#methods.get(id)));
  }
}

const NONE: ExpectedAnswers = { batch: false, answers: [] };

const matches = (
  { batch, answers, refusable }: ExpectedAnswers,
  ids: readonly string[],
  isBatch: boolean,
): boolean => {
  if (refusable && !isBatch && ids[0] === UNKNOWN) return true;
  if (batch !== isBatch || answers.length !== ids.length) return false;
  return answers.every((answer, at) => answer.ids.includes(ids[at] ?? UNKNOWN));
};
