import { settledWithin } from '../../system/deadline.ts';

/** A step took too long. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/**
 * Waits for a step, but not for ever. What it was goes on by itself, and its end no longer matters.
 *
 * @throws {DeadlineError} when it takes longer
 */
export const within = async <Result>(ms: number, step: Promise<Result>): Promise<Result> => {
  if ((await settledWithin(step, ms)) === 'late') throw new DeadlineError(`no answer within ${ms / 1000} s`);
  return step;
};
