import { ConnectionLostError, connect, type ExecClient, type Target } from '../core/index.ts';
import { failureExitCode } from './exit-codes.ts';

/**
 * Opens a connection, works with it and closes it again.
 *
 * @param signal gives up the attempt to connect
 * @returns the exit code of `work`, or the one that says what went wrong, which is told on stderr
 */
export const withServer = async (
  target: Target,
  work: (client: ExecClient) => Promise<number>,
  signal?: AbortSignal,
): Promise<number> => {
  let client: ExecClient | undefined;
  try {
    client = await connect(target, { clientName: 'exec-server run', signal });
    return await work(client);
  } catch (error) {
    const exitCode = failureExitCode(error);
    if (exitCode === undefined) throw error;
    process.stderr.write(`exec-server: ${(error as Error).message}${hint(target, error)}\n`);
    return exitCode;
  } finally {
    await client?.close();
  }
};

// 127: the shell on the host found no such command, or the one here found no ssh.
const hint = ({ argv, label }: Target, error: unknown): string => {
  const end = error instanceof ConnectionLostError ? error.transport : undefined;
  if (argv[0] !== 'ssh' || end?.exitCode !== 127) return '';
  return end.stderr.some(line => line.endsWith('exec: ssh: not found'))
    ? '\nssh must be installed and in PATH here'
    : `\nexec-server must be in the PATH that ssh has on ${label} without a login shell, or be named by --remote-command`;
};
