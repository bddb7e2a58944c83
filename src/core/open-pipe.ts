import { type Askpass, startAskpass } from './askpass.ts';
import { type HostCommand, hostCommand, withCommand } from './bootstrap/host-command.ts';
import { defaultCache } from './bootstrap/runtime/client-cache.ts';
import { type BootstrapOptions, type StartOnHostOptions, startOnHost } from './bootstrap/start-on-host.ts';
import { connectionFailed } from './errors.ts';
import { StartUpOutputRecord } from './start-up-output.ts';
import type { Target } from './target.ts';
import { openTransport, type Transport } from './transport.ts';

/** Options of a pipe. */
export type PipeOptions = {
  /** The variables of the program. */
  readonly env: NodeJS.ProcessEnv;
  /** Those of this side, for an installation. */
  readonly localEnv: NodeJS.ProcessEnv;
  readonly bootstrap?: BootstrapOptions | undefined;
  readonly askpass?: Askpass | undefined;
  readonly answerTimeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onFirstByte?: (() => void) | undefined;
};

/**
 * Runs the program of a target. A server is at the other end, or what the program runs in its place; on a host with a shell
 * it is installed if necessary.
 *
 * @throws {ConnectionLostError} if the host does not start a server
 */
export const openPipe = async (
  target: Target,
  { env, localEnv, bootstrap = {}, askpass, answerTimeoutMs, signal, onFirstByte }: PipeOptions,
): Promise<Transport> => {
  const onHost = target.shell && (await hostCommand());
  const service = askpass && (await startAskpass(askpass));
  signal?.throwIfAborted();
  const transport = openTransport(onHost ? withCommand(target, onHost) : target, { ...env, ...service?.env });
  // ssh asks before it connects.
  void transport.ended.then(() => service?.close());
  if (onHost === undefined) {
    if (onFirstByte !== undefined) transport.input.once('data', () => onFirstByte());
    return transport;
  }
  const abort = () => void transport.abort();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const { runtimeFile } = target;
    const { cacheDirectory = defaultCache(localEnv), onProgress } = bootstrap;
    const client = { cacheDirectory, env: localEnv };
    await startThroughShell(target, transport, onHost, {
      ...client,
      runtimeFile,
      onProgress,
      onFirstByte,
      answerTimeoutMs,
    });
    return transport;
  } finally {
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
