import {
  ConnectionLostError,
  connect,
  type ExecClient,
  type LikelyCauseKind,
  RequestError,
  type Target,
} from '../core/index.ts';
import { printableLine } from '../core/printable.ts';
import { countedBytes } from '../core/start-up-output.ts';
import { type ConnectProgress, reportSlowConnect } from './connect-progress.ts';
import { CONNECTION_FAILED, failureExitCode } from './exit-codes.ts';
import type { KeptConnection } from './kept-connection.ts';
import { printMessage } from './output.ts';
import { reportWaiting } from './report-base.ts';
import { uploadDisplay } from './upload-progress.ts';

/** Output that is received ahead of a reader: larger than the default, since there is one process. */
const OUTPUT_WINDOW_BYTES = 8 * 1024 * 1024;

export type WithServerOptions = {
  /** Do not report start-up output, or what is waited for. */
  readonly quiet: boolean;
  /** Time limit of the connection attempt, in milliseconds; overrides that of the target. Default: 30 s. */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * Ends the connection, or the attempt to open it, without waiting for the server. The reason completes "the connection
   * was …".
   */
  readonly signal?: AbortSignal | undefined;
  /** Opens the connection again when it is lost. */
  readonly kept?: KeptConnection | undefined;
  /** Advice on an error, for a line of its own. */
  readonly advise?: (error: unknown) => string | undefined;
};

/**
 * Opens a connection, calls `work` with it and closes it.
 *
 * @returns the exit code of `work`, or that of the error, which is printed to stderr
 */
export const withServer = async (
  target: Target,
  { quiet, connectTimeoutMs, signal, kept, advise = noAdvice }: WithServerOptions,
  work: (client: ExecClient) => Promise<number>,
): Promise<number> => {
  let client: ExecClient | undefined;
  const display = quiet ? undefined : uploadDisplay(target.label);
  const progress = quiet ? SILENT : reportSlowConnect(target);
  try {
    client = await connect(target, {
      clientName: 'exec-server run',
      outputWindowBytes: OUTPUT_WINDOW_BYTES,
      initializeTimeoutMs: connectTimeoutMs ?? target.initializeTimeoutMs ?? CONNECT_TIMEOUT_MS,
      onFirstByte: progress.onFirstByte,
      signal,
      session: kept?.session,
      onWaiting: quiet ? undefined : reportWaiting,
      bootstrap: {
        onProgress: sent => {
          progress.stop();
          display?.show(sent);
        },
      },
    });
    progress.stop();
    display?.stop();
    kept?.opened(client);
    signal?.addEventListener('abort', aborting(kept ?? client, signal));
    if (!quiet) reportStartUpOutput(client);
    return await work(client);
  } catch (error) {
    progress.stop();
    display?.stop();
    if (signal?.aborted) {
      const attempt = client === undefined ? ' attempt' : '';
      printMessage(`the connection${attempt} to ${target.label} was ${signal.reason}`);
      return CONNECTION_FAILED;
    }
    const exitCode = failureExitCode(error);
    if (exitCode === undefined) throw error;
    const advice = advise(error) ?? programAdvice(target, error);
    printMessage([messageOf(error), advice].filter(Boolean).join('\n'));
    return exitCode;
  } finally {
    await client?.close();
  }
};

const noAdvice = (): undefined => {};

/** Default time limit of a connection attempt, in milliseconds. */
const CONNECT_TIMEOUT_MS = 30_000;

const SILENT: ConnectProgress = { onFirstByte: () => {}, stop: () => {} };

const aborting = (connection: Pick<ExecClient, 'abort'>, signal: AbortSignal) => (): void =>
  void connection.abort(String(signal.reason));

/** Message of an error, of several lines if it is Core's, of one if it is the server's. */
const messageOf = (error: unknown): string => {
  const { message } = error as Error;
  return error instanceof RequestError ? printableLine(message) : message;
};

// It is harmless to this program, but breaks scp, rsync and git over ssh.
const reportStartUpOutput = ({ startUpOutput }: ExecClient): void => {
  if (startUpOutput === undefined) return;
  const { bytes, excerpt } = startUpOutput;
  printMessage(`ignored ${countedBytes(bytes)} of start-up output before the first frame: "${excerpt}"`);
};

/** Advice if another program, or none, was found at the default path of the server. */
const programAdvice = ({ argv, initializeTimeoutMs }: Target, error: unknown): string | undefined => {
  const cause = error instanceof ConnectionLostError ? error.likelyCause?.kind : undefined;
  if (argv[0] !== 'ssh' || cause === undefined || !WRONG_PROGRAM.includes(cause)) return undefined;
  // Only targets of environments.toml have this timeout.
  return initializeTimeoutMs === undefined
    ? 'specify the path with --remote-program or --remote-command'
    : 'specify the path in its entry of environments.toml';
};

const WRONG_PROGRAM: readonly LikelyCauseKind[] = [
  'serverMissing',
  'nodeMissing',
  'nodeTooOld',
  'otherProgram',
];
