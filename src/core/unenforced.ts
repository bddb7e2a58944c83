import { ResponseError } from 'vscode-jsonrpc/node';
import type { EnvironmentInfo } from '../protocol/environment.ts';
import { errorKinds } from '../protocol/errors.ts';
import { RequestError } from './errors.ts';
import type { StartEnv } from './start-env.ts';

/**
 * Refuses what narrows a process and is nothing to this server: it passes over fields that it doesn't know.
 *
 * @throws {RequestError} `unsupported`, as the server would answer if it knew the field
 */
export const refuseUnenforced = (
  { envPolicy }: StartEnv,
  { capabilities, executorVersion }: EnvironmentInfo,
): void => {
  if (!envPolicy?.secretValues || capabilities.secretValues === true) return;
  const field = 'envPolicy.secretValues';
  const message = `${field}: the server (version ${executorVersion}) does not look at values`;
  const data = { kind: 'unsupported', field };
  throw new RequestError('process/start', new ResponseError(errorKinds.unsupported, message, data));
};
