import { MAX_MATCH_STEPS } from './limits.ts';

/** Patterns and names of which matching would take too long. */
export class MatchLimitError extends Error {
  override readonly name = 'MatchLimitError';
  /** The most steps that applying a policy may take. */
  readonly max: number;

  constructor(max: number) {
    super(`matching names against patterns takes more than ${max} steps: use fewer or shorter ones`);
    this.max = max;
  }
}

/**
 * Bounds the work of matching names against patterns while a policy is applied. It counts steps, not lengths: a few
 * long names and patterns can take more of them than thousands of usual ones.
 */
export class MatchEffort {
  readonly #max: number;
  #left: number;

  constructor(max = MAX_MATCH_STEPS) {
    this.#max = max;
    this.#left = max;
  }

  /** @throws {MatchLimitError} */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) throw new MatchLimitError(this.#max);
  }
}
