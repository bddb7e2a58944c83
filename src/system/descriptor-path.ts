import { existsSync } from 'node:fs';

/**
 * The path that leads to the file of a descriptor of this process, whatever became of its name. Names below it are looked
 * up in that directory, as by openat(2). Linux only.
 */
export const descriptorPath = (descriptor: number): string => `${DIRECTORY}/${descriptor}`;

/** True on Linux if /proc is mounted. */
export const hasDescriptorPaths = (): boolean => process.platform === 'linux' && existsSync(DIRECTORY);

const DIRECTORY = '/proc/self/fd';

/** Opens a file only to refer to it. Not in `node:fs`; the same on all architectures of Linux that Node supports. */
export const O_PATH = 0o10000000;
