import { settledWithin } from '../../system/deadline.ts';

/** A check took too long. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/**
 * Waits for a check for at most `ms`. A late check continues, and its result is ignored.
 *
 * @throws {DeadlineError}
 */
export const within = async <Result>(ms: number, check: Promise<Result>): Promise<Result> => {
  if ((await settledWithin(check, ms)) === 'late') throw new DeadlineError(`no answer within ${ms / 1000} s`);
  return check;
};
