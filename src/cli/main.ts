import { CommanderError } from 'commander';
import { printableLine } from '../core/printable.ts';
import { signalExitCode } from '../system/signal-exit-code.ts';
import { CONNECTION_FAILED, USAGE_ERROR } from './exit-codes.ts';
import { printMessage } from './output.ts';
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
  process.exit(exitCode);
};

/** Ends the process after an unexpected error. A stack trace of the bundle would not help. */
const exitWithDefect = (error: unknown): never => {
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'EPIPE') process.exit(signalExitCode('SIGPIPE'));
  const { name, message } = error instanceof Error ? error : { name: 'error', message: String(error) };
  printMessage(`internal error: ${name}: ${printableLine(message)}`);
  process.exit(CONNECTION_FAILED);
};
