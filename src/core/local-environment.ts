import { ResponseError } from 'vscode-jsonrpc/node';
import type { ResultOut } from '../protocol/define.ts';
import type { Requests } from '../protocol/messages.ts';
import { programNotFound } from '../protocol/program-not-found.ts';
import { type EnvInput, explainEnv, pathOrigin, traceEnv } from '../shared-config/index.ts';
import { RequestError } from './errors.ts';

/** What would become of each variable of a process, and by which step; never a value. */
export type EnvironmentExplanation = ResultOut<Requests['environmentExplain']>;

/** Explains an environment that is made here, as a server explains one that it makes. */
export const explainHere = (
  input: EnvInput,
  names: readonly string[] | undefined,
): EnvironmentExplanation => {
  const { variables, counts } = explainEnv(input, names);
  // As it comes from the wire: a field that says nothing isn't there.
  return {
    ...(input.policy && { base: { base: 'process', attempts: [] } }),
    variables: Object.fromEntries(variables),
    counts,
  } as EnvironmentExplanation;
};

/**
 * The error of a start, and if the program wasn't found in an environment that was made here, how its `PATH`
 * came about: the server has seen the result only.
 */
export const withPathOrigin = (error: unknown, input: EnvInput): unknown => {
  if (!(error instanceof RequestError) || error.data.stage !== 'resolve' || !input.policy) return error;
  const { path, searchedPath } = error.data;
  if (typeof path !== 'string' || !isTexts(searchedPath)) return error;
  const pathFrom = pathOrigin(traceEnv(input).decisions, 'process', input.platform);
  const separator = input.platform === 'windows' ? ';' : ':';
  const message = programNotFound({ program: path, searchedPath, pathFrom, separator });
  return new RequestError(error.method, new ResponseError(error.code, message, { ...error.data, pathFrom }));
};

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every(entry => typeof entry === 'string');
