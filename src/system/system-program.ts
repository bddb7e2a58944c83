import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Directories that only the administrator can write to. They are searched before PATH, which may name any others. */
export const SYSTEM_DIRECTORIES = ['/usr/bin', '/bin', '/usr/local/bin', '/run/current-system/sw/bin'];

/**
 * Path of a program of the system, for use by the server itself. PATH is not consulted for it: an entry may be relative,
 * and lead into whatever directory the server was started in.
 *
 * @returns the name where no system directory has it, which is then searched in PATH
 */
export const systemProgram = (name: string, directories: readonly string[] = SYSTEM_DIRECTORIES): string =>
  directories.map(directory => join(directory, name)).find(path => existsSync(path)) ?? name;
