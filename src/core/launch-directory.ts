import { accessSync, constants, statSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';

/**
 * Why a program can't be run in a directory; `undefined` if it can. A start would only say that something
 * wasn't found, which the program may not be, either.
 */
export const launchDirectoryProblem = (directory: string): string | undefined => {
  try {
    accessSync(directory, constants.X_OK);
    if (statSync(directory).isDirectory()) return undefined;
    return `the directory to run in, ${directory}, is a file`;
  } catch (error) {
    const { errno = 0, message } = error as NodeJS.ErrnoException;
    const why = getSystemErrorMap().get(errno)?.[1] ?? message;
    return `the directory to run in, ${directory}, can't be entered: ${why}`;
  }
};
