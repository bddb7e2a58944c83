import { refuseToRun } from './refuse-to-run.ts';

/**
 * Ends this process if it is the init process of its PID namespace, such as the only program of a container. The kernel
 * makes it the parent of all orphaned processes, but Node reaps only its own children: the others would stay zombies
 * until no process can be created.
 */
export const refusePidOne = (pid = process.pid): void => {
  if (pid !== 1) return;
  refuseToRun(
    'cannot run as PID 1, since Node.js does not reap orphaned processes; ' +
      'start the container with an init process: docker run --init',
  );
};
