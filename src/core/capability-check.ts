import type { EnvironmentInfo } from '../protocol/environment.ts';
import { unsupported } from '../protocol/errors.ts';
import { version } from '../protocol/version.ts';
import { RequestError } from './errors.ts';
import type { StartEnv } from './start-env.ts';

/**
 * Refuses a filter of secret values that the server would ignore: an older one does not know the field.
 *
 * @throws {RequestError} `unsupported`
 */
export const assertEnvSupported = ({ envPolicy }: StartEnv, info: EnvironmentInfo): void => {
  if (!envPolicy?.secretValues || info.capabilities.secretValues === true) return;
  throw new RequestError('process/start', unsupported('envPolicy.secretValues', lacks(info, 'secretValues')));
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
  info: EnvironmentInfo,
): void => {
  if (sandbox === undefined || info.capabilities.sandbox !== undefined) return;
  throw new RequestError(method, unsupported('sandbox', lacks(info, 'sandbox')));
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
  info: EnvironmentInfo,
): void => {
  const at = headers.findIndex(({ valueEnvVar }) => valueEnvVar !== undefined);
  if (at < 0 || info.capabilities.httpHeaderEnvVars === true) return;
  throw new RequestError(method, unsupported(`headers[${at}].valueEnvVar`, lacks(info, 'httpHeaderEnvVars')));
};

const lacks = ({ executorVersion }: EnvironmentInfo, capability: string): string =>
  `exec-server ${executorVersion} on the server lacks ${capability}; this client is ${version}: use the same version on both sides`;
