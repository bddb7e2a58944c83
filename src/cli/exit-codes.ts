import { ConnectionLostError, RequestError } from '../core/index.ts';
import type { ExitCode } from './reference.ts';

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

const AS_PID_ONE: ExitCode = [78, 'this program is PID 1 of a container, which needs `docker run --init`'];

/** Exit codes of commands that connect to no server. */
export const LOCAL_EXIT_CODES: readonly ExitCode[] = [
  [0, 'success'],
  [USAGE_ERROR, 'usage or configuration error'],
];

const PROCESS_EXIT_CODES: readonly ExitCode[] = [
  [NOT_STARTED, 'the command could not be started, or its output not written'],
  [NOT_EXECUTABLE, 'the command is not executable'],
  [NOT_FOUND, 'the command was not found'],
  [CONNECTION_FAILED, 'the connection failed or was lost, or an internal error'],
];

/** Exit codes of a server. */
export const SERVER_EXIT_CODES: readonly ExitCode[] = [
  ...LOCAL_EXIT_CODES,
  [70, 'an internal error ended the server'],
  AS_PID_ONE,
  ['128+n', 'signal n ended the server'],
];

/** Exit codes of a command that runs a program and exits as it does. */
export const COMMAND_EXIT_CODES: readonly ExitCode[] = [
  ['0-255', 'that of the command'],
  ['128+n', 'signal n ended the command; 141: the reader of stdout is gone, as in `| head`'],
  [USAGE_ERROR, 'usage or configuration error'],
  AS_PID_ONE,
  [TIMED_OUT, 'the command was killed by --timeout'],
  ...PROCESS_EXIT_CODES,
];

/** Exit codes of a command that asks a server. */
export const CLIENT_EXIT_CODES: readonly ExitCode[] = [...LOCAL_EXIT_CODES, ...PROCESS_EXIT_CODES];

/** Exit codes of a diagnosis. */
export const DOCTOR_EXIT_CODES: readonly ExitCode[] = [
  [0, 'no warnings and no problems'],
  [1, 'warnings'],
  [USAGE_ERROR, 'a problem, or a usage or configuration error'],
];

/** Exit code for a failed connection or request; `undefined` for a defect of this program. */
export const failureExitCode = (error: unknown): number | undefined => {
  if (error instanceof ConnectionLostError) return CONNECTION_FAILED;
  if (!(error instanceof RequestError)) return undefined;
  if (error.kind === 'invalidAnswer') return CONNECTION_FAILED;
  if (error.data.stage === 'resolve') return NOT_FOUND;
  return error.data.stage === 'permission' ? NOT_EXECUTABLE : NOT_STARTED;
};
