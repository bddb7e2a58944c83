import { ConnectionLostError, RequestError } from '../core/index.ts';

export { signalExitCode } from '../server/process/signals.ts';

/** Wrong use of the command line. */
export const USAGE_ERROR = 2;

/** The command was ended at `--timeout`; the number of timeout(1). */
export const TIMED_OUT = 124;

/** What exit codes mean when they aren't the command's own; the numbers of env(1), sh(1) and ssh(1). */
const NOT_STARTED = 125;
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;
export const CONNECTION_FAILED = 255;

/** The exit code for what kept a command from running to its end; `undefined` for a defect. */
export const failureExitCode = (error: unknown): number | undefined => {
  if (error instanceof ConnectionLostError) return CONNECTION_FAILED;
  if (!(error instanceof RequestError)) return undefined;
  if (error.kind === 'invalidAnswer') return CONNECTION_FAILED;
  if (error.data.stage === 'resolve') return NOT_FOUND;
  return error.data.stage === 'permission' ? NOT_EXECUTABLE : NOT_STARTED;
};
