import { accessSync, constants } from 'node:fs';
import { NamedPipes } from '../../system/named-pipes.ts';
import type { Watchdog } from '../../system/watchdog.ts';
import type { Host } from '../environment/host.ts';

/**
 * Creates the named pipes of a session; `undefined` except on Linux. Other systems have FIFOs, too, but do not show
 * which processes hold them, which is their use here.
 */
export const createNamedPipes = ({ platform, tempDir }: Host, watchdog: Watchdog): NamedPipes | undefined =>
  platform === 'linux'
    ? new NamedPipes(memoryDirectory(tempDir), directory => watchdog.useDirectory(directory))
    : undefined;

/**
 * Returns the directory for private files: /dev/shm, which no sandboxed process sees, since each sandbox has a /dev of its
 * own; without it the directory for temporary files.
 */
export const memoryDirectory = (tempDir: string): string => {
  try {
    accessSync(SHARED_MEMORY, constants.W_OK | constants.X_OK);
    return SHARED_MEMORY;
  } catch {
    return tempDir;
  }
};

const SHARED_MEMORY = '/dev/shm';
