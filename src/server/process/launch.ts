import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import spawn from 'cross-spawn';
import type { Env } from '../../shared-config/index.ts';
import { explainLaunchFailure } from './launch-failure.ts';

/** Everything about a child that is decided before it starts. */
export type LaunchPlan = {
  readonly argv: readonly [string, ...string[]];
  readonly arg0: string | undefined;
  readonly cwd: string;
  readonly env: Env;
  readonly pipeStdin: boolean;
  readonly detached: boolean;
  readonly platform: NodeJS.Platform;
};

/**
 * Starts a child on pipes; without `pipeStdin` its stdin is the null device. What succeeds has started
 * before the first `await` of the caller, so the order of calls is the order of starts.
 *
 * @throws {ExecServerError} `launchFailed`, with the stage that failed.
 */
export const launch = async (plan: LaunchPlan): Promise<RunningChild> => {
  try {
    const child = spawnChild(plan);
    if (isRunning(child)) return child;
    const [error] = await once(child, 'error');
    throw error;
  } catch (error) {
    throw await explainLaunchFailure(error as NodeJS.ErrnoException, plan);
  }
};

/** A child that has been started. */
export type RunningChild = ChildProcess & { readonly pid: number };

const spawnChild = ({
  argv: [program, ...args],
  arg0,
  cwd,
  env,
  pipeStdin,
  detached,
}: LaunchPlan): ChildProcess =>
  spawn(program, args, {
    cwd,
    // Node hands its own NODE_V8_COVERAGE to every child whose environment doesn't name it.
    env: { NODE_V8_COVERAGE: undefined, ...env },
    argv0: arg0,
    detached,
    stdio: [pipeStdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    windowsHide: true,
  });

const isRunning = (child: ChildProcess): child is RunningChild => child.pid !== undefined;
