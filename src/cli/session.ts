import {
  ConnectionLostError,
  connect,
  type ExecClient,
  type LikelyCauseKind,
  RequestError,
  type Target,
} from '../core/index.ts';
import { countedBytes } from '../core/noise.ts';
import { printableLine } from '../core/printable.ts';
import { CONNECTION_FAILED, failureExitCode } from './exit-codes.ts';
import { complain } from './output.ts';

export type SessionOptions = {
  /** Doesn't tell what came before the server's first frame. */
  readonly quiet: boolean;
  /** Ends the connection, or the attempt to open it. */
  readonly signal?: AbortSignal | undefined;
};

/**
 * Opens a connection, works with it and closes it again.
 *
 * @returns the exit code of `work`, or the one that says what went wrong, which is told on stderr
 */
export const withServer = async (
  target: Target,
  { quiet, signal }: SessionOptions,
  work: (client: ExecClient) => Promise<number>,
): Promise<number> => {
  let client: ExecClient | undefined;
  try {
    client = await connect(target, { clientName: 'exec-server run', signal });
    signal?.addEventListener('abort', closing(client));
    if (!quiet) tellNoise(client);
    return await work(client);
  } catch (error) {
    if (signal?.aborted && client === undefined) {
      complain(`the connection attempt to ${target.label} was aborted by ${signal.reason}`);
      return CONNECTION_FAILED;
    }
    const exitCode = failureExitCode(error);
    if (exitCode === undefined) throw error;
    complain(`${messageOf(error)}${hint(target, error)}`);
    return exitCode;
  } finally {
    await client?.close();
  }
};

const closing = (client: ExecClient) => (): void => void client.close();

/** The message of a connection has lines of its own; that of a request is the server's, and gets one line. */
const messageOf = (error: unknown): string => {
  const { message } = error as Error;
  return error instanceof RequestError ? printableLine(message) : message;
};

// What a start-up file prints does no harm here, but it breaks scp, rsync and git over ssh.
const tellNoise = ({ noise }: ExecClient): void => {
  if (noise === undefined) return;
  const { bytes, excerpt } = noise;
  complain(`${countedBytes(bytes)} of shell output came first: "${excerpt}"`);
};

const hint = ({ argv, initializeTimeoutMs }: Target, error: unknown): string => {
  const cause = error instanceof ConnectionLostError ? error.likelyCause?.kind : undefined;
  if (argv[0] !== 'ssh' || cause === undefined || !NAMED_BY_OPTION.includes(cause)) return '';
  // What comes from environments.toml, and that alone, has so much time.
  return initializeTimeoutMs === undefined
    ? '\n--remote-program or --remote-command says where it is there'
    : '\nits entry in environments.toml says how to start it there';
};

const NAMED_BY_OPTION: readonly LikelyCauseKind[] = [
  'serverMissing',
  'nodeMissing',
  'nodeTooOld',
  'otherProgram',
];
