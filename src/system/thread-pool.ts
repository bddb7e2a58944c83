import { stat } from 'node:fs';

/**
 * Makes libuv create the threads that do file work and name lookups: it creates all of them with the first task, and
 * aborts the process if it can't. Before anything was started nothing is lost by that; later, where the user's limit on
 * tasks is reached (`ulimit -u`), every running process would be.
 *
 * Node creates every other thread of this process at its start.
 */
export const createThreads = (): void => stat('/', () => {});

/**
 * Returns true if the thread pool has a pending task. At the exit of the process libuv waits for it, for as long as a file
 * system or a name server takes to answer.
 */
export const hasThreadTasks = (): boolean =>
  countedTasks > 0 || process.getActiveResourcesInfo().some(name => THREAD_TASKS.includes(name));

const THREAD_TASKS = [
  'FSReqCallback',
  'FSReqPromise',
  'CloseReq',
  'GetAddrInfoReqWrap',
  'GetNameInfoReqWrap',
];

/** Counts a task of the pool that Node does not know, until it is settled. */
export const countThreadTask = async <Result>(task: Promise<Result>): Promise<Result> => {
  countedTasks += 1;
  try {
    return await task;
  } finally {
    countedTasks -= 1;
  }
};

let countedTasks = 0;
