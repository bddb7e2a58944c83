import type { EnvironmentInfo } from '../protocol/environment.ts';
import { unsupported } from '../protocol/errors.ts';
import { RequestError } from './errors.ts';
import type { StartEnv } from './start-env.ts';

/**
 * Refuses a filter of secret values that the server would ignore: an older one does not know the field.
 *
 * @throws {RequestError} `unsupported`
 */
export const assertEnvSupported = (
  { envPolicy }: StartEnv,
  { capabilities, executorVersion }: EnvironmentInfo,
): void => {
  if (!envPolicy?.secretValues || capabilities.secretValues === true) return;
  const reason = `the server (version ${executorVersion}) does not check values`;
  throw new RequestError('process/start', unsupported('envPolicy.secretValues', reason));
};

/**
 * Refuses a sandbox that the server would ignore. One that knows the field announces the capability, if only as false,
 * and then refuses by itself with the reason.
 *
 * @throws {RequestError} `unsupported`
 */
export const assertSandboxSupported = (
  method: string,
  { sandbox }: { readonly sandbox?: unknown },
  capabilities: EnvironmentInfo['capabilities'],
): void => {
  if (sandbox === undefined || capabilities.sandbox !== undefined) return;
  throw new RequestError(method, unsupported('sandbox', 'the server does not announce this capability'));
};

/**
 * Refuses a header with the value of a variable of the server where the field would be ignored: the header would be sent
 * without it.
 *
 * @throws {RequestError} `unsupported`
 */
export const assertHeadersSupported = (
  method: string,
  headers: readonly { readonly valueEnvVar?: unknown }[],
  { capabilities }: EnvironmentInfo,
): void => {
  const at = headers.findIndex(({ valueEnvVar }) => valueEnvVar !== undefined);
  if (at < 0 || capabilities.httpHeaderEnvVars === true) return;
  const reason = 'the server does not announce the capability httpHeaderEnvVars';
  throw new RequestError(method, unsupported(`headers[${at}].valueEnvVar`, reason));
};
