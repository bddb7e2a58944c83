import { type ExecServerError, launchFailed, unsupported } from '../../../protocol/errors.ts';
import { findProgram } from '../../../system/find-program.ts';
import type { PreparedSandbox, SandboxedStart } from '../../sandbox/sandboxes.ts';
import { foreseeLaunchFailure, type LaunchAttempt } from './launch-failure.ts';

/**
 * Turns a plan into one that starts bubblewrap with the program. The program is checked, and the sandbox tried, before
 * the start: after it, their failures would look like those of the program.
 *
 * @param wait rejects if the start is cancelled
 * @throws {ExecServerError} `unsupported`, or `launchFailed` with the stage that failed
 */
export const sandboxedPlan = async <
  Plan extends LaunchAttempt & {
    readonly arg0: string | undefined;
    readonly descriptors?: readonly number[];
  },
>(
  plan: Plan,
  sandbox: PreparedSandbox,
  wait: <Value>(promise: Promise<Value>) => Promise<Value>,
): Promise<Plan & SandboxedStart> => {
  const problem = unsupportedName(plan) ?? foreseeLaunchFailure(plan) ?? invisibleProgram(plan, sandbox);
  if (problem !== undefined) throw problem;
  await wait(sandbox.probe());
  return { ...plan, ...sandbox.start(plan.argv, plan.env, plan.descriptors?.[0]), arg0: undefined, cwd: '/' };
};

const unsupportedName = ({
  argv: [program],
  arg0,
}: LaunchAttempt & { readonly arg0: string | undefined }): ExecServerError | undefined => {
  if (arg0 !== undefined && arg0 !== program) {
    return unsupported('arg0', 'not supported in a sandbox');
  }
  // `env`, which starts the program there, would take it for a variable.
  return program.includes('=')
    ? unsupported('argv', 'a program with "=" in its path is not supported in a sandbox')
    : undefined;
};

const invisibleProgram = (plan: LaunchAttempt, sandbox: PreparedSandbox): ExecServerError | undefined => {
  const { executable, searchedPath } = findProgram(plan);
  if (executable === undefined || sandbox.sees(executable)) return undefined;
  return launchFailed(`${executable} is not visible in the sandbox`, {
    stage: 'resolve',
    errno: 'ENOENT',
    path: executable,
    ...(searchedPath && { searchedPath }),
  });
};
