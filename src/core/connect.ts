import { applyOverlay, type Env, type EnvOverlay, platformOf } from '../shared-config/index.ts';
import type { Askpass } from './askpass.ts';
import type { BootstrapOptions } from './bootstrap/start-on-host.ts';
import { ConnectionLostError } from './errors.ts';
import type { ExecClient } from './exec-client.ts';
import { launchDirectoryProblem } from './launch-directory.ts';
import { type OpenOptions, openClient } from './open-client.ts';
import { openPipe } from './open-pipe.ts';
import type { Target } from './target.ts';
import type { Transport } from './transport.ts';

/** Options of `connect`. */
export type ConnectOptions = OpenOptions & {
  /** Aborts the attempt, which rejects with the reason of the signal. No effect after `connect` has resolved. */
  readonly signal?: AbortSignal | undefined;
  /** The variables of this side, for `ssh` and for starts on a local server. Default: `process.env`. */
  readonly localEnv?: NodeJS.ProcessEnv | undefined;
  /** Options of the installation on a host; only for a target with a `shell`. */
  readonly bootstrap?: BootstrapOptions | undefined;
  /** Answers the questions of ssh. Default: ssh asks on the terminal of this process, if there is one. */
  readonly askpass?: Askpass | undefined;
  /** Called when the first byte arrives, from a server or not. */
  readonly onFirstByte?: (() => void) | undefined;
};

/**
 * Runs the program of a target and opens the connection.
 *
 * @throws {ConnectionLostError} with the exit status of the program and an excerpt of its stderr
 */
export const connect = async (
  target: Target,
  { signal, localEnv = process.env, onFirstByte, bootstrap, askpass, ...options }: ConnectOptions = {},
): Promise<ExecClient> => {
  signal?.throwIfAborted();
  const problem = target.cwd === undefined ? undefined : launchDirectoryProblem(target.cwd);
  if (problem !== undefined)
    throw new ConnectionLostError(`could not connect to ${target.label}: ${problem}`);
  const env = withOverlay(localEnv, target.env);
  const initializeTimeoutMs = options.initializeTimeoutMs ?? target.initializeTimeoutMs;
  const open = (aborted?: AbortSignal) =>
    openPipe(target, {
      env,
      localEnv,
      bootstrap,
      askpass,
      answerTimeoutMs: initializeTimeoutMs,
      signal: aborted,
      onFirstByte,
    });
  let transport: Transport | undefined;
  const abort = () => void transport?.abort();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    transport = await open(signal);
    return await openClient({ ...transport, ...target }, inheritable(env), {
      ...options,
      initializeTimeoutMs,
      reopen: open,
    });
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
};

const withOverlay = (env: NodeJS.ProcessEnv, overlay: EnvOverlay = {}): Env =>
  applyOverlay(overlay, Object.fromEntries(definedIn(env)), platformOf(process.platform));

const definedIn = (env: NodeJS.ProcessEnv): Array<[string, string]> =>
  Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);

/**
 * Returns the variables that processes can get: those whose name and value are UTF-8. Node decodes other bytes to
 * replacement characters, so that a process would get another value.
 */
export const inheritable = (env: NodeJS.ProcessEnv): Env =>
  Object.fromEntries(definedIn(env).filter(entry => !entry.join('').includes('\ufffd')));
