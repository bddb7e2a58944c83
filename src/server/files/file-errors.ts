import { getSystemErrorMap } from 'node:util';
import { ExecServerError, fileError } from '../../protocol/errors.ts';

/**
 * Runs an operation on a path. Converts an error of the operating system to an `ExecServerError` with the URI of the
 * path.
 *
 * @throws {ExecServerError} `fileNotFound`, `fileError`
 */
export const onPath = async <Result>(uri: string, act: () => Promise<Result>): Promise<Result> => {
  try {
    return await act();
  } catch (error) {
    throw asFileError(uri, error);
  }
};

/** Converts an error of the operating system to an `ExecServerError`; returns any other error unchanged. */
export const asFileError = (uri: string, error: unknown, about = ''): unknown => {
  if (error instanceof ExecServerError || !isSystemError(error)) return error;
  return fileError(uri, error.code, about + describe(error), { cause: error });
};

/** True for ENOENT. */
export const isNotFound = (error: unknown): boolean => isSystemError(error) && error.code === 'ENOENT';

/** True for an error of the operating system, whose `code` is a name such as `EACCES`. */
export const isSystemError = (error: unknown): error is NodeJS.ErrnoException & { code: string } => {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return error instanceof Error && typeof code === 'string' && syscall !== undefined;
};

const describe = ({ errno, code }: NodeJS.ErrnoException): string =>
  (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]) ?? `system error ${code}`;
