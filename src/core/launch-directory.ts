import { accessSync, constants, statSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';

/**
 * Returns the reason why a program cannot run in a directory; `undefined` if it can. The error of a start does not say
 * if the directory or the program was not found.
 */
export const launchDirectoryProblem = (directory: string): string | undefined => {
  try {
    accessSync(directory, constants.X_OK);
    if (statSync(directory).isDirectory()) return undefined;
    return `the working directory ${directory} is a file`;
  } catch (error) {
    const { errno = 0, message } = error as NodeJS.ErrnoException;
    const why = getSystemErrorMap().get(errno)?.[1] ?? message;
    return `cannot enter the working directory ${directory}: ${why}`;
  }
};
