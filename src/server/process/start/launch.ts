import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import spawn from 'cross-spawn';
import { exactEnv } from '../../../system/exact-env.ts';
import { findProgram, skipsAllDirectories } from '../../../system/find-program.ts';
import type { NamedPipes } from '../../../system/named-pipes.ts';
import type { Child } from '../child.ts';
import { ChildStreams, type StreamPlan } from './child-streams.ts';
import { exitOf } from './collect-exit.ts';
import { explainLaunchFailure, type LaunchAttempt } from './launch-failure.ts';

/** A start on pipes. */
export type LaunchPlan = StreamPlan &
  LaunchAttempt & {
    readonly arg0: string | undefined;
    readonly detached: boolean;
    /** Descriptors of this process that the child gets as 3, 4 and so on. */
    readonly descriptors?: readonly number[];
  };

/**
 * Starts a child on pipes, before the first `await` of the caller: children start in the order of the calls.
 *
 * @param pipes source of named pipes; `undefined` for the pipes that Node makes
 * @throws {ExecServerError} `launchFailed`, with the stage that failed
 */
export const launch = async (plan: LaunchPlan, pipes: NamedPipes | undefined): Promise<Child> => {
  const streams = new ChildStreams(plan, pipes);
  try {
    if (skipsAllDirectories(plan))
      throw Object.assign(new Error('no directory to search'), { code: 'ENOENT' });
    const child = spawnChild(plan, streams.stdio);
    if (!isRunning(child)) throw (await once(child, 'error'))[0];
    const exit = exitOf(child);
    return {
      pid: child.pid,
      ...streams.adopt(child),
      onExit: listener => exit.listen(listener),
      resize: () => {},
    };
  } catch (error) {
    streams.abandon();
    throw explainLaunchFailure(error as NodeJS.ErrnoException, plan);
  }
};

const spawnChild = (plan: LaunchPlan, stdio: ChildStreams['stdio']): ChildProcess => {
  const {
    argv: [, ...args],
    arg0,
    cwd,
    env,
    detached,
    descriptors = [],
  } = plan;
  return spawn(fileToRun(plan), args, {
    cwd,
    env: exactEnv(env),
    argv0: arg0,
    detached,
    stdio: [...stdio, ...descriptors],
    windowsHide: true,
  });
};

// On Windows, cross-spawn would search with the child's PATH, but with the PATHEXT of this process.
const fileToRun = (plan: LaunchPlan): string =>
  (plan.platform === 'win32' ? findProgram(plan).executable : undefined) ?? plan.argv[0];

const isRunning = (child: ChildProcess): child is ChildProcess & { pid: number } => child.pid !== undefined;
