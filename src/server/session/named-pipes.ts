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
    ? new NamedPipes(parentDirectory(tempDir), directory => watchdog.useDirectory(directory))
    : undefined;

// No sandboxed process sees /dev/shm, since each sandbox has a /dev of its own.
const parentDirectory = (tempDir: string): string => {
  try {
    accessSync(SHARED_MEMORY, constants.W_OK | constants.X_OK);
    return SHARED_MEMORY;
  } catch {
    return tempDir;
  }
};

const SHARED_MEMORY = '/dev/shm';
