import { applyOverlay, type Env, type EnvOverlay, platformOf } from '../shared-config/index.ts';
import { ConnectionLostError } from './errors.ts';
import { ExecClient } from './exec-client.ts';
import { launchDirectoryProblem } from './launch-directory.ts';
import type { Target } from './target.ts';
import { openTransport } from './transport.ts';

export type ConnectOptions = {
  /** How this client calls itself to the server. Default: `exec-server/core`. */
  readonly clientName?: string | undefined;
  /** Gives the attempt up; after `connect` has resolved it has no effect. */
  readonly signal?: AbortSignal | undefined;
  /** This side's environment: what `ssh` gets, and what starts on a local server begin with. Default: `process.env`. */
  readonly localEnv?: NodeJS.ProcessEnv | undefined;
  /** How long the server may take until it answers `initialize`, in milliseconds. Default: what the target says. */
  readonly initializeTimeoutMs?: number | undefined;
  /** Called when the first byte comes from the other side, be it a server's or not. */
  readonly onFirstByte?: (() => void) | undefined;
};

/**
 * Launches a server and opens the connection to it.
 *
 * @throws {ConnectionLostError} with the exit status and last lines of what was launched; when it had to be
 * ended because there was no answer in time, that is the reason it gives
 */
export const connect = async (
  target: Target,
  {
    clientName = 'exec-server/core',
    signal,
    localEnv = process.env,
    initializeTimeoutMs = target.initializeTimeoutMs,
    onFirstByte,
  }: ConnectOptions = {},
): Promise<ExecClient> => {
  const giveUp = () => new ConnectionLostError(`the connection to ${target.label} was given up`);
  if (signal?.aborted) throw giveUp();
  const problem = target.cwd === undefined ? undefined : launchDirectoryProblem(target.cwd);
  if (problem !== undefined) throw new ConnectionLostError(`no connection to ${target.label}: ${problem}`);
  const ownEnv = withOverlay(localEnv, target.env);
  const transport = openTransport(target, ownEnv);
  if (onFirstByte !== undefined) transport.input.once('data', () => onFirstByte());
  const abort = () => void transport.abort();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await ExecClient.open(
      { ...transport, ...target },
      clientName,
      inheritable(ownEnv),
      initializeTimeoutMs,
    );
  } catch (error) {
    await transport.close();
    throw signal?.aborted ? giveUp() : error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
};

const withOverlay = (env: NodeJS.ProcessEnv, overlay: EnvOverlay | undefined): NodeJS.ProcessEnv =>
  overlay === undefined
    ? env
    : applyOverlay(overlay, Object.fromEntries(definedIn(env)), platformOf(process.platform));

const definedIn = (env: NodeJS.ProcessEnv): Array<[string, string]> =>
  Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);

/**
 * What processes can get of an environment: no name and no value that isn't UTF-8, which Node decodes to replacement
 * characters, so that it would be another one.
 */
export const inheritable = (env: NodeJS.ProcessEnv): Env =>
  Object.fromEntries(definedIn(env).filter(entry => !entry.join('').includes('\ufffd')));
