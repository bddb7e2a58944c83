import { randomUUID } from 'node:crypto';
import type { ResultOut } from '../protocol/define.ts';
import type { EnvironmentWaiting } from '../protocol/environment.ts';
import { clientNotifications, requests } from '../protocol/messages.ts';
import { sessionPing } from '../protocol/session.ts';
import { PROTOCOL_VERSIONS, type ProtocolVersions, speakSameProtocol, version } from '../protocol/version.ts';
import type { Env } from '../shared-config/index.ts';
import { startTimer } from '../system/deadline.ts';
import { ClientConnection, type ClientStreams } from './client-connection.ts';
import { watchForShell } from './detect-shell-echo.ts';
import { ConnectionLostError } from './errors.ts';
import { ExecClient } from './exec-client.ts';
import { OUTPUT_WINDOW_BYTES } from './limits.ts';
import { Resuming, type ResumingOptions, type SessionEvent } from './resume/resuming.ts';

/** Options of the handshake. */
export type OpenOptions = {
  /** The name of this client in the server's log. Default: `exec-server/core`. */
  readonly clientName?: string | undefined;
  /** Time limit of the answer to `initialize`, and of each answer of a host during an installation, in milliseconds. Default: none. */
  readonly initializeTimeoutMs?: number | undefined;
  /** Output of each process that the server keeps for `read`, in bytes. Default: 0. */
  readonly retainedBytes?: number | undefined;
  /** Time that the server keeps a closed process for `read` and `list`, in milliseconds. Default: 0. */
  readonly retainedMs?: number | undefined;
  /**
   * Output of a new process that the server sends ahead of its reader, from 64 KiB to 32 MiB. It becomes more for a process
   * whose reader keeps up. Default: 1 MiB.
   */
  readonly outputWindowBytes?: number | undefined;
  /** Called when starts wait for the account's login shell, which has not answered for two seconds. */
  readonly onWaiting?: ((waiting: EnvironmentWaiting) => void) | undefined;
  /** A session that outlives its connection, which is opened again when it is lost. Default: it does not. */
  readonly session?: KeepOptions | undefined;
};

/** Options of a session that outlives its connection. */
export type KeepOptions = {
  /** Time for which the session waits on the server, in milliseconds. */
  readonly keepMs: number;
  /** Called when the connection is lost and when it is opened again. */
  readonly onEvent?: ((event: SessionEvent) => void) | undefined;
};

/**
 * Opens a connection over the given streams and waits for the handshake. Closes them if it fails.
 *
 * @param localEnv the variables of this side, for starts on a local server
 * @throws {ConnectionLostError} if there is no server at the other end
 */
export const openClient = async (
  streams: ClientStreams,
  localEnv: Env,
  {
    clientName = 'exec-server/core',
    initializeTimeoutMs,
    retainedBytes = 0,
    retainedMs = 0,
    outputWindowBytes = OUTPUT_WINDOW_BYTES,
    onWaiting,
    session,
    reopen,
  }: OpenOptions & { readonly reopen?: ResumingOptions['reopen'] } = {},
): Promise<ExecClient> => {
  const connection = new ClientConnection(streams);
  const clientId = session && randomUUID();
  const stopWatching = watch(connection, streams, initializeTimeoutMs);
  try {
    const announced = await connection.request(requests.initialize, {
      clientName,
      binaryFrames: true,
      outputWindowBytes,
      retainedBytes,
      retainedMs,
      ...(session && reopen && { session: { keepMs: session.keepMs, clientId } }),
    });
    // The answer may have arrived after the connection had failed.
    await connection.assertOpen();
    assertSameProtocol(announced);
    if (announced.binaryFrames) connection.useBinaryFrames();
    if (session && reopen && clientId !== undefined && announced.session != null)
      keep(connection, streams, {
        clientName,
        clientId,
        session: announced.session,
        reopen,
        onEvent: session.onEvent,
      });
    const client = new ExecClient(connection, announced, { localEnv, outputWindowBytes, onWaiting });
    await connection.notify(clientNotifications.initialized, {});
    return client;
  } catch (error) {
    await streams.close();
    // A program that answers otherwise than a server does is not one.
    throw error instanceof ConnectionLostError ? error : connection.handshakeError((error as Error).message);
  } finally {
    stopWatching();
  }
};

type Kept = Pick<ResumingOptions, 'clientName' | 'clientId' | 'session' | 'reopen'> &
  Pick<KeepOptions, 'onEvent'>;

const keep = (
  connection: ClientConnection,
  streams: ClientStreams,
  { onEvent = () => {}, ...kept }: Kept,
): void =>
  connection.keep(
    carried =>
      new Resuming({
        ...kept,
        ...carried,
        transport: {
          ...streams,
          abort: streams.abort ?? streams.close,
          hangUp: streams.hangUp ?? (() => void (streams.abort ?? streams.close)()),
          ended: streams.ended ?? Promise.resolve(undefined),
        },
        sendPing: () => void connection.request(sessionPing, {}).catch(() => {}),
        onEvent,
      }),
  );

/** @throws {Error} if the server speaks other versions of the protocol only */
const assertSameProtocol = ({ protocol, environmentInfo }: ResultOut<typeof requests.initialize>): void => {
  if (protocol == null || speakSameProtocol(protocol, PROTOCOL_VERSIONS)) return;
  const versions = ({ min, max }: ProtocolVersions) => (min === max ? `${min}` : `${min} to ${max}`);
  throw new Error(
    `exec-server ${environmentInfo.executorVersion} speaks protocol ${versions(protocol)}, and this client, ` +
      `exec-server ${version}, speaks ${versions(PROTOCOL_VERSIONS)}: use the same version on both sides`,
  );
};

/** Fails a handshake that takes too long, or whose header a shell took for a command. */
const watch = (
  connection: ClientConnection,
  { stderr }: ClientStreams,
  timeoutMs: number | undefined,
): (() => void) => {
  const timer =
    timeoutMs === undefined
      ? undefined
      : startTimer(timeoutMs, () => connection.abort(`no answer to initialize within ${timeoutMs / 1000} s`));
  const stopWatching =
    stderr &&
    watchForShell(stderr, () =>
      connection.fail('the remote shell executed the protocol header as a command'),
    );
  return () => {
    timer?.cancel();
    stopWatching?.();
  };
};
