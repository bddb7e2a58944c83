import { applyOverlay, type Env, type EnvOverlay, platformOf } from '../shared-config/index.ts';
import { type Askpass, startAskpass } from './askpass.ts';
import { type HostCommand, hostCommand, withCommand } from './bootstrap/host-command.ts';
import { defaultCache } from './bootstrap/runtime/client-cache.ts';
import { type BootstrapOptions, type StartOnHostOptions, startOnHost } from './bootstrap/start-on-host.ts';
import { ConnectionLostError, connectionFailed } from './errors.ts';
import type { ExecClient } from './exec-client.ts';
import { launchDirectoryProblem } from './launch-directory.ts';
import { type OpenOptions, openClient } from './open-client.ts';
import { StartUpOutputRecord } from './start-up-output.ts';
import type { Target } from './target.ts';
import { openTransport, type Transport } from './transport.ts';

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
  { signal, localEnv = process.env, onFirstByte, bootstrap = {}, askpass, ...options }: ConnectOptions = {},
): Promise<ExecClient> => {
  signal?.throwIfAborted();
  const problem = target.cwd === undefined ? undefined : launchDirectoryProblem(target.cwd);
  if (problem !== undefined)
    throw new ConnectionLostError(`could not connect to ${target.label}: ${problem}`);
  const env = withOverlay(localEnv, target.env);
  const initializeTimeoutMs = options.initializeTimeoutMs ?? target.initializeTimeoutMs;
  const onHost = target.shell && (await hostCommand());
  const service = askpass && (await startAskpass(askpass));
  signal?.throwIfAborted();
  const transport = openTransport(onHost ? withCommand(target, onHost) : target, { ...env, ...service?.env });
  // A listener of data would take the bytes from the bootstrap.
  if (onFirstByte !== undefined && onHost === undefined) transport.input.once('data', () => onFirstByte());
  const abort = () => void transport.abort();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    if (onHost !== undefined) {
      const { runtimeFile } = target;
      const { cacheDirectory = defaultCache(localEnv), onProgress } = bootstrap;
      await startThroughShell(target, transport, onHost, {
        cacheDirectory,
        env: localEnv,
        runtimeFile,
        onProgress,
        onFirstByte,
        answerTimeoutMs: initializeTimeoutMs,
      });
    }
    return await openClient({ ...transport, ...target }, inheritable(env), {
      ...options,
      initializeTimeoutMs,
    });
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    // ssh asks before it connects.
    service?.close();
    signal?.removeEventListener('abort', abort);
  }
};

/** @throws {ConnectionLostError} if the host does not start a server */
const startThroughShell = async (
  { label, argv }: Target,
  transport: Transport,
  command: HostCommand,
  options: StartOnHostOptions,
): Promise<void> => {
  const failure = await startOnHost(transport, command, options);
  if (failure === undefined) return;
  await (failure.kind === 'late' ? transport.abort() : transport.close());
  const startUpOutput = new StartUpOutputRecord();
  startUpOutput.push(failure.otherOutput);
  throw connectionFailed({
    label,
    argv,
    reason: failure.reason,
    startUpOutput,
    // The end of the command is a consequence of what the script reported.
    transport: failure.kind === undefined ? await transport.ended : undefined,
  });
};

/** The variables of the program of a target. Withheld ones are not among them. */
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
