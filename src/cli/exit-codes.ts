import { ConnectionLostError, RequestError } from '../core/index.ts';

/** Usage or configuration error. */
export const USAGE_ERROR = 2;

/** Timeout of the command, as in timeout(1). */
export const TIMED_OUT = 124;

/** Exit codes for a command that did not run to its end, as in env(1), sh(1) and ssh(1). */
const NOT_STARTED = 125;
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;
export const CONNECTION_FAILED = 255;

/** Exit code for output of the command that could not be written, as when timeout(1) or env(1) itself fails. */
export const OUTPUT_FAILED = 125;

/** Exit code for a failed connection or request; `undefined` for a defect of this program. */
export const failureExitCode = (error: unknown): number | undefined => {
  if (error instanceof ConnectionLostError) return CONNECTION_FAILED;
  if (!(error instanceof RequestError)) return undefined;
  if (error.kind === 'invalidAnswer') return CONNECTION_FAILED;
  if (error.data.stage === 'resolve') return NOT_FOUND;
  return error.data.stage === 'permission' ? NOT_EXECUTABLE : NOT_STARTED;
};
