import type { ResultOut } from '../protocol/define.ts';
import type { Requests } from '../protocol/messages.ts';
import { programNotFound } from '../protocol/program-not-found.ts';
import { type EnvInput, explainEnv, pathOrigin, traceEnv } from '../shared-config/index.ts';
import { RequestError } from './errors.ts';

/** The outcome of each variable of a process, and the step that decided it; never a value. */
export type EnvironmentExplanation = ResultOut<Requests['environment/explain']>;

/** Explains an environment that is built on this side, as a server explains one of its own. */
export const explainLocally = (
  input: EnvInput,
  names: readonly string[] | undefined,
): EnvironmentExplanation => {
  // The directory decides about the value of PWD only.
  const { variables, counts } = explainEnv({ ...input, cwd: '/' }, names);
  // As it arrives from a server: a field without a value is absent.
  return {
    ...(input.policy && { base: { base: 'process', attempts: [] } }),
    variables: Object.fromEntries(variables),
    counts,
  } as EnvironmentExplanation;
};

/**
 * Returns the error of a start. If the program was not found in an environment that was built on this side, adds the
 * origin of its `PATH`: the server only knows the value.
 */
export const withPathOrigin = (error: unknown, input: EnvInput): unknown => {
  if (!(error instanceof RequestError) || error.data.stage !== 'resolve' || !input.policy) return error;
  const { path, searchedPath } = error.data;
  if (typeof path !== 'string' || !isTexts(searchedPath)) return error;
  const pathFrom = pathOrigin(traceEnv(input).decisions, 'process', input.platform);
  const separator = input.platform === 'windows' ? ';' : ':';
  const message = programNotFound({ program: path, searchedPath, pathFrom, separator });
  return new RequestError(error.method, { code: error.code, message, data: { ...error.data, pathFrom } });
};

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every(entry => typeof entry === 'string');
