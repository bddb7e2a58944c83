import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import spawn from 'cross-spawn';
import type { Env } from '../../shared-config/index.ts';
import type { NamedPipes } from '../platform/named-pipes.ts';
import type { Child } from './child.ts';
import { ChildStreams, type StreamPlan } from './child-streams.ts';
import { explainLaunchFailure } from './launch-failure.ts';
import { coverMasters } from './open-masters.ts';

/** Everything about a child that is decided before it starts. */
export type LaunchPlan = StreamPlan & {
  readonly argv: readonly [string, ...string[]];
  readonly arg0: string | undefined;
  readonly cwd: string;
  readonly env: Env;
  readonly detached: boolean;
  readonly platform: NodeJS.Platform;
};

/**
 * Starts a child on pipes. What succeeds has started before the first `await` of the caller, so the order
 * of calls is the order of starts.
 *
 * @param pipes where the streams come from; `undefined` for Node's own
 * @throws {ExecServerError} `launchFailed`, with the stage that failed
 */
export const launch = async (plan: LaunchPlan, pipes: NamedPipes | undefined): Promise<Child> => {
  const streams = new ChildStreams(plan, pipes);
  try {
    const child = spawnChild(plan, streams.stdio);
    if (!isRunning(child)) throw (await once(child, 'error'))[0];
    return {
      pid: child.pid,
      ...streams.adopt(child),
      onExit: listener => void child.once('exit', listener),
      resize: () => {},
    };
  } catch (error) {
    streams.abandon();
    throw await explainLaunchFailure(error as NodeJS.ErrnoException, plan);
  }
};

const spawnChild = (
  { argv: [program, ...args], arg0, cwd, env, detached }: LaunchPlan,
  stdio: ChildStreams['stdio'],
): ChildProcess =>
  spawn(program, args, {
    cwd,
    // Node hands its own NODE_V8_COVERAGE to every child whose environment doesn't name it.
    env: { NODE_V8_COVERAGE: undefined, ...env },
    argv0: arg0,
    detached,
    stdio: coverMasters(stdio),
    windowsHide: true,
  });

const isRunning = (child: ChildProcess): child is ChildProcess & { pid: number } => child.pid !== undefined;
