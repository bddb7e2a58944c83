import { limitExceeded } from '../../protocol/errors.ts';
import { MatchLimitError } from '../../shared-config/index.ts';

/**
 * Calls a function that applies a policy.
 *
 * @throws {ExecServerError} `limitExceeded` if matching names against patterns would take too long
 */
export const withinMatchLimit = <Result>(act: () => Result): Result => {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof MatchLimitError)) throw error;
    throw limitExceeded('matchSteps', error.max + 1, error.max, 'use fewer or shorter names and patterns');
  }
};
