import { getSystemErrorMap } from 'node:util';

/** The text of the system for an error, such as `no space left on device`; the message of any other error. */
export const systemErrorText = ({ errno, message }: NodeJS.ErrnoException): string =>
  (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]) ?? message;
