import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/**
 * Opens this process's stdout or stderr so that writes are queued if there is no reader. `process.stdout` itself
 * blocks the whole process on a pipe that is full. A socket can't be opened on a file or a terminal, where
 * blocking writes do no harm.
 */
export const openOutput = (name: 'stdout' | 'stderr'): Writable => {
  const fd = name === 'stdout' ? 1 : 2;
  const target = fstatSync(fd);
  return target.isFIFO() || target.isSocket()
    ? new Socket({ fd, readable: false, writable: true })
    : process[name];
};
