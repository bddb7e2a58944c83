import { unsupported } from '../../../protocol/errors.ts';
import { foreseeLaunchFailure } from '../start/launch-failure.ts';
import type { PtyChild, PtyPlan } from './pty-child.ts';
import { startOnUnixPty } from './pty-unix.ts';
import { startOnConPty } from './pty-windows.ts';

/**
 * Starts a child on a new terminal.
 *
 * @throws {ExecServerError} `unsupported` without terminals, or for an `arg0` other than the program except on Linux;
 *   `launchFailed` with the stage that failed
 */
export const startOnPty = (plan: PtyPlan): PtyChild => {
  // On Linux the start itself reports why a program cannot run.
  if (plan.platform === 'linux') return startOnUnixPty(plan);
  if (plan.arg0 !== undefined && plan.arg0 !== plan.argv[0]) {
    throw unsupported('arg0', `not supported with tty on ${plan.platform}`);
  }
  const problem = foreseeLaunchFailure(plan);
  if (problem !== undefined) throw problem;
  return plan.platform === 'win32' ? startOnConPty(plan) : startOnUnixPty(plan);
};
