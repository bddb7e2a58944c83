import { CommanderError } from 'commander';
import { printableLine } from '../core/printable.ts';
import { signalExitCode } from '../system/signal-exit-code.ts';
import { systemErrorText } from '../system/system-error-text.ts';
import { CONNECTION_FAILED, OUTPUT_FAILED, USAGE_ERROR } from './exit-codes.ts';
import { printed, printMessage } from './output.ts';
import { createProgram } from './program.ts';

/** Runs the command line and ends the process with its exit code; an error is a message on stderr. */
export const runCli = async (args: readonly string[]): Promise<never> => {
  process.on('uncaughtException', exitWithDefect);
  let exitCode = 0;
  const program = createProgram(code => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) return exitWithDefect(error);
    exitCode = error.exitCode === 0 ? 0 : USAGE_ERROR;
  }
  // A failed write is an error event of the next turn, which `exit` would not wait for.
  await new Promise(setImmediate);
  await printed();
  process.exit(exitCode);
};

/** Ends the process after an unexpected error. A stack trace of the bundle would not help. */
const exitWithDefect = (error: unknown): never => {
  if (isWriteError(error)) {
    if (error.code === 'EPIPE') process.exit(signalExitCode('SIGPIPE'));
    printMessage(`cannot write the output: ${systemErrorText(error)}`);
    process.exit(OUTPUT_FAILED);
  }
  const { name, message } = error instanceof Error ? error : { name: 'error', message: String(error) };
  printMessage(`internal error: ${name}: ${printableLine(message)}`);
  process.exit(CONNECTION_FAILED);
};

/** True for a failed write to stdout or stderr: all other writes of the command line have their own handlers. */
const isWriteError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && (error as NodeJS.ErrnoException).syscall === 'write';
