import type { RequestSpec, ResultOut } from '../protocol/define.ts';
import { ExecServerError, invalidAnswer } from '../protocol/errors.ts';
import { parse } from '../protocol/parse.ts';
import { RequestError } from './errors.ts';

/**
 * Checks the result of an answer.
 *
 * @throws {RequestError} `invalidAnswer`
 */
export const checkedResult = <Spec extends RequestSpec>(spec: Spec, result: unknown): ResultOut<Spec> => {
  try {
    return parse(spec.result, result, 'result') as ResultOut<Spec>;
  } catch (error) {
    if (!(error instanceof ExecServerError)) throw error;
    throw new RequestError(spec.method, invalidAnswer(spec.method, error));
  }
};
