import { type ExecServerError, launchFailed, unsupported } from '../../../protocol/errors.ts';
import type { PreparedSandbox, SandboxedStart } from '../../sandbox/sandboxes.ts';
import { findProgram } from './find-program.ts';
import { foreseeLaunchFailure, type LaunchAttempt } from './launch-failure.ts';

/**
 * What is started instead, so that a program runs confined. What would go wrong is looked for before, and the
 * sandbox made once for nothing: afterwards its failure would look like that of the program.
 *
 * @param wait rejects if nothing is to be started any more
 * @throws {ExecServerError} `unsupported`, or `launchFailed` with the stage that failed
 */
export const sandboxedPlan = async <Plan extends LaunchAttempt & { readonly arg0: string | undefined }>(
  plan: Plan,
  confinement: PreparedSandbox,
  wait: <Value>(something: Promise<Value>) => Promise<Value>,
): Promise<Plan & SandboxedStart> => {
  const problem = unsupportedName(plan) ?? foreseeLaunchFailure(plan) ?? unseenProgram(plan, confinement);
  if (problem !== undefined) throw problem;
  await wait(confinement.probe());
  return { ...plan, ...confinement.start(plan.argv, plan.env), arg0: undefined, cwd: '/' };
};

const unsupportedName = ({
  argv: [program],
  arg0,
}: LaunchAttempt & { readonly arg0: string | undefined }): ExecServerError | undefined => {
  if (arg0 !== undefined && arg0 !== program) {
    return unsupported('arg0', 'it is not supported in a sandbox');
  }
  // On the way it would be taken for a variable.
  return program.includes('=')
    ? unsupported('argv', 'a program with "=" in its name or path cannot be started in a sandbox')
    : undefined;
};

const unseenProgram = (plan: LaunchAttempt, confinement: PreparedSandbox): ExecServerError | undefined => {
  const { executable, searchedPath } = findProgram(plan);
  if (executable === undefined || confinement.sees(executable)) return undefined;
  return launchFailed(`${executable} is not visible in the sandbox`, {
    stage: 'resolve',
    errno: 'ENOENT',
    path: executable,
    ...(searchedPath && { searchedPath }),
  });
};
