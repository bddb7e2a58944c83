import { resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { inheritable } from '../core/connect.ts';
import type { ExecClient } from '../core/exec-client.ts';
import { openClient } from '../core/open-client.ts';
import { currentHost, serve } from '../server/index.ts';

/** Options of `connectEmbedded`. */
export type EmbeddedOptions = {
  /** Variables that processes start from. Default: `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Default working directory of processes. Default: that of this process. */
  readonly cwd?: string | undefined;
  /** Receives one line at a time for the user; never a value of a variable. Default: lines are discarded. */
  readonly log?: ((line: string) => void) | undefined;
};

/**
 * Opens a connection to a server within this process, without another program or pipe. Processes get an exact
 * environment, as on any server of this machine.
 *
 * `close()` terminates the processes; a watchdog does if this process is killed. Neither signals nor the standard
 * streams of this process are used. Without running processes, the event loop is not kept alive.
 */
export const connectEmbedded = async ({
  env = process.env,
  cwd,
  log = () => {},
}: EmbeddedOptions = {}): Promise<ExecClient> => {
  const ownHost = currentHost(env, log);
  const host = cwd === undefined ? ownHost : { ...ownHost, cwd: resolve(cwd) };
  const [toServer, toClient] = [new PassThrough(), new PassThrough()];
  const server = serve({ input: toServer, output: toClient, host, log });
  const ended = new Promise<undefined>(resolve => toClient.once('close', () => resolve(undefined)));
  return openClient(
    {
      input: toClient,
      output: toServer,
      location: 'local',
      label: 'this process',
      ended,
      close: async () => {
        toServer.end();
        await server.closed;
      },
    },
    inheritable(env),
    { clientName: 'exec-server/embedded' },
  );
};
