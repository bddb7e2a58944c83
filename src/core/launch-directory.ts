import { accessSync, constants, statSync } from 'node:fs';
import { systemErrorText } from '../system/system-error-text.ts';

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
    return `cannot enter the working directory ${directory}: ${systemErrorText(error as NodeJS.ErrnoException)}`;
  }
};
