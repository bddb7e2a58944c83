import { unsupported } from '../protocol/errors.ts';

/**
 * Refuses what asks for confinement: this server can't confine anything, and what narrows an access is never
 * passed over.
 *
 * @throws {ExecServerError} `unsupported`
 */
export const refuseSandbox = (sandbox: unknown, what: 'a process' | 'file access'): void => {
  if (sandbox === undefined) return;
  throw unsupported(
    'sandbox',
    `this server cannot confine ${what}, and does nothing unconfined that asks for it`,
  );
};
