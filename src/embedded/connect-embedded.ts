import { resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { inheritable } from '../core/connect.ts';
import { ExecClient } from '../core/exec-client.ts';
import { currentHost, serve } from '../server/index.ts';

export type EmbeddedOptions = {
  /** What processes start from. Default: `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Where processes run unless told otherwise. Default: the working directory of this process. */
  readonly cwd?: string | undefined;
  /** Takes one line for people at a time; never a value of an environment variable. Default: nobody is told. */
  readonly log?: ((line: string) => void) | undefined;
};

/**
 * Opens a connection to a server within this very process: no other program, no pipe, and the same client as
 * for a server elsewhere. Processes get an exact environment, as on any server of this machine.
 *
 * `close()` ends what was started over it. If this process is killed, a watchdog does. No signal is
 * handled here, and stdin, stdout and stderr of this process are not touched. While nothing runs, nothing here
 * keeps this process alive.
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
  return ExecClient.open(
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
    'exec-server/embedded',
    inheritable(env),
  );
};
