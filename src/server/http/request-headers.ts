import { validateHeaderName, validateHeaderValue } from 'node:http';
import { invalidParams } from '../../protocol/errors.ts';
import type { RequestHeader } from '../../protocol/http.ts';
import { MAX_HTTP_HEADERS_LENGTH } from '../../protocol/limits.ts';
import { foldCase, isWithheld } from '../../shared-config/index.ts';
import type { Host } from '../environment/host.ts';
import type { SentHeader } from './exchange.ts';

/** The variables that headers may name. */
export type HttpHost = Pick<Host, 'env' | 'platform'>;

/**
 * Returns the header fields to send: each value is followed by that of its variable, if it names one.
 *
 * @throws {ExecServerError} `invalidParams`, which names fields and variables, but has no value
 */
export const sentHeaders = (headers: readonly RequestHeader[], host: HttpHost): SentHeader[] => {
  let length = 0;
  return headers.map((header, index) => {
    const sent = sentHeader(header, `headers[${index}]`, host);
    length += sent.name.length + sent.value.length;
    if (length > MAX_HTTP_HEADERS_LENGTH) {
      const problem = `expected names and values of at most ${MAX_HTTP_HEADERS_LENGTH} characters in all, with those of variables`;
      throw invalidParams('headers', problem);
    }
    return sent;
  });
};

const sentHeader = ({ name, value, valueEnvVar }: RequestHeader, field: string, host: HttpHost) => {
  // Node's own messages quote the value, which may be a secret.
  if (throws(() => validateHeaderName(name))) {
    throw invalidParams(`${field}.name`, 'expected an HTTP header name');
  }
  assertValue(name, value, `${field}.value`, 'contains');
  if (valueEnvVar === undefined) return { name, value, secret: false };
  const ownField = `${field}.valueEnvVar`;
  const variable = JSON.stringify(valueEnvVar);
  const added = variableValue(valueEnvVar, host);
  if (!added) {
    const problem = `environment variable ${variable} of the server is ${added === undefined ? 'not set' : 'empty'}`;
    throw invalidParams(ownField, problem);
  }
  // Each character of a header is sent as one byte.
  const whole = value + Buffer.from(added).toString('latin1');
  assertValue(name, whole, ownField, `environment variable ${variable} contains`);
  return { name, value: whole, secret: true };
};

const assertValue = (name: string, value: string, field: string, contains: string): void => {
  if (!throws(() => validateHeaderValue(name, value))) return;
  throw invalidParams(field, `${contains} a character that is not allowed in an HTTP header`);
};

/** The value of a variable; one that no child gets counts as not set. */
const variableValue = (name: string, { env, platform }: HttpHost): string | undefined => {
  if (isWithheld(name)) return undefined;
  const isNamed =
    platform === 'win32'
      ? (other: string) => foldCase(other) === foldCase(name)
      : (other: string) => other === name;
  return Object.entries(env).find(([other]) => isNamed(other))?.[1];
};

const throws = (act: () => void): boolean => {
  try {
    act();
    return false;
  } catch {
    return true;
  }
};
