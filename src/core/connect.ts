import type { Env } from '../shared-config/index.ts';
import { ConnectionLostError } from './errors.ts';
import { ExecClient } from './exec-client.ts';
import type { Target } from './target.ts';
import { openTransport } from './transport.ts';

export type ConnectOptions = {
  /** How this client calls itself to the server. Default: `exec-server/core`. */
  readonly clientName?: string | undefined;
  /** Gives the attempt up; after `connect` has resolved it has no effect. */
  readonly signal?: AbortSignal | undefined;
  /** This side's environment: what `ssh` gets, and what starts on a local server begin with. Default: `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
};

/**
 * Launches a server and opens the connection to it.
 *
 * @throws {ConnectionLostError} with the exit status and last lines of what was launched
 */
export const connect = async (
  target: Target,
  { clientName = 'exec-server/core', signal, env = process.env }: ConnectOptions = {},
): Promise<ExecClient> => {
  const giveUp = () => new ConnectionLostError(`the connection to ${target.label} was given up`);
  if (signal?.aborted) throw giveUp();
  const transport = openTransport(target, env);
  const abort = () => void transport.abort();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await ExecClient.open({ ...transport, ...target }, clientName, inheritable(env));
  } catch (error) {
    await transport.close();
    throw signal?.aborted ? giveUp() : error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
};

/**
 * What processes can get of an environment: no value that isn't UTF-8, which Node decodes to replacement
 * characters, so that it would be another one, and no name that the wire refuses.
 */
const inheritable = (env: NodeJS.ProcessEnv): Env =>
  Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && entry[0] !== '__proto__' && !entry.join('').includes('\ufffd'),
    ),
  );
