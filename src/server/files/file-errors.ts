import { getSystemErrorMap } from 'node:util';
import { ExecServerError, fileError } from '../../protocol/errors.ts';

/**
 * Does something with a path; what the operating system says against it becomes an error of the contract, with the
 * path as a URI.
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

/** An error of the operating system as one of the contract; any other as it is. */
export const asFileError = (uri: string, error: unknown, about = ''): unknown => {
  if (error instanceof ExecServerError || !isSystemError(error)) return error;
  return fileError(uri, error.code, about + describe(error), { cause: error });
};

/** Whether it says that nothing is there. */
export const isNotFound = (error: unknown): boolean => isSystemError(error) && error.code === 'ENOENT';

/** What the system calls an error, such as `EACCES`. */
export const isSystemError = (error: unknown): error is NodeJS.ErrnoException & { code: string } => {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return error instanceof Error && typeof code === 'string' && syscall !== undefined;
};

const describe = ({ errno, code }: NodeJS.ErrnoException): string =>
  (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]) ?? `the system says ${code}`;
