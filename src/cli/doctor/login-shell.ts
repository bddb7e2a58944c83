import { ConnectionLostError, connect, sshServer, type Target } from '../../core/index.ts';

/**
 * Searches for a command line that starts the server of an ssh host where its own does not find the server or Node:
 * interactive login shells read the start-up files in which nvm and similar tools change PATH.
 *
 * @returns the command line, which has worked; `undefined` if none does
 */
export const findLoginShellCommand = async (
  target: Target,
  timeoutMs: number,
): Promise<string | undefined> => {
  const [host, command] = target.argv.slice(target.argv.indexOf('--') + 1);
  if (host === undefined || command === undefined || !isQuotable(command)) return undefined;
  const inner = command === USUAL_COMMAND ? `exec ${command}` : command;
  // csh cannot be both a login shell and one that runs a command.
  for (const shell of ['$SHELL', 'bash']) {
    const line = `exec ${shell} -lic "${inner}"`;
    if (await works(sshServer(host, line), timeoutMs)) return line;
  }
  return undefined;
};

const USUAL_COMMAND = 'exec-server --stdio';

/** True for a line that no shell changes between double quotes. */
const isQuotable = (line: string): boolean => !/["$`\\!\r\n]/.test(line);

const works = async (target: Target, timeoutMs: number): Promise<boolean> => {
  try {
    const client = await connect(target, {
      clientName: 'exec-server doctor',
      initializeTimeoutMs: timeoutMs,
    });
    await client.close();
    return true;
  } catch (error) {
    if (error instanceof ConnectionLostError) return false;
    throw error;
  }
};
