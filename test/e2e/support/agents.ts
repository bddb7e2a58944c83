import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { connect, type ExecClient, localServer, sshServer } from '../../../src/core/index.ts';
import { connectEmbedded } from '../../../src/embedded/index.ts';
import { childrenOf } from './process-tree.ts';
import { programPath } from './program.ts';
import { type RemoteHost, startRemoteHost } from './remote-host.ts';

/** A server that an agent's commands run on. */
export type AgentServer = {
  readonly client: ExecClient;
  /** HOME of what runs there. */
  readonly home: string;
  /** What the environment that commands are made from has there. */
  readonly hostEnv: Readonly<Record<string, string>>;
  /** Every byte that servers were sent so far, where that is recorded. */
  received(): Buffer;
  /** Kills what carries the connection. `undefined` where nothing does. */
  readonly drop: (() => Promise<void>) | undefined;
  close(): Promise<void>;
};

export type AgentServerKind = {
  readonly name: string;
  /** Whether commands run on a machine that isn't Core's. */
  readonly remote: boolean;
  /** Once, before any `open`. */
  prepare(): Promise<void>;
  open(): Promise<AgentServer>;
  dispose(): Promise<void>;
};

/** Variables of Core's machine, some of which look like secrets. */
export const CORE_ENV = {
  PATH: [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
  SHELL: '/bin/sh',
  ONLY_HERE: 'a-value-of-the-machine-of-core',
  FAKE_API_KEY: 'sk-planted-on-the-machine-of-core',
  CODEX_THREAD_ID: 'thread-of-another-core',
} as const;

const onThisMachine = (
  name: string,
  connectWith: (env: NodeJS.ProcessEnv) => Promise<ExecClient>,
  pidToDrop: (client: ExecClient) => Promise<number | undefined>,
): AgentServerKind => ({
  name,
  remote: false,
  prepare: async () => {},
  dispose: async () => {},
  open: async () => {
    const home = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-home-')));
    const hostEnv = { ...CORE_ENV, HOME: home };
    const client = await connectWith(hostEnv);
    const pid = await pidToDrop(client);
    return {
      client,
      home,
      hostEnv,
      received: () => Buffer.alloc(0),
      drop: pid === undefined ? undefined : () => drop(client, pid),
      close: async () => {
        await client.close();
        rmSync(home, { recursive: true, force: true });
      },
    };
  },
});

const drop = async (client: ExecClient, pid: number): Promise<void> => {
  process.kill(pid, 'SIGKILL');
  await client.closed;
};

/** The server in the very process of its client, as an agent on one machine uses it. */
export const embeddedServer = onThisMachine(
  'an embedded server',
  env => connectEmbedded({ env }),
  async () => undefined,
);

/** The built program behind a pipe. */
export const pipedServer = onThisMachine(
  'a local server',
  env => connect(localServer([process.execPath, programPath]), { localEnv: env }),
  async client => (await client.status()).pid,
);

let host: RemoteHost;

/** The built program behind a real sshd. */
export const remoteServer: AgentServerKind = {
  name: 'a server behind ssh',
  remote: true,
  prepare: async () => {
    host = await startRemoteHost();
  },
  dispose: () => host.stop(),
  open: async () => {
    const others = childrenOf(process.pid);
    const client = await connect(sshServer('devbox'), {
      localEnv: { ...host.coreEnv, ...CORE_ENV, PATH: host.coreEnv.PATH },
    });
    const ssh = childrenOf(process.pid).find(pid => !others.includes(pid)) as number;
    return {
      client,
      home: host.sshd.home,
      hostEnv: { HOME: host.sshd.home, PATH: host.path },
      received: host.received,
      drop: () => drop(client, ssh),
      close: () => client.close(),
    };
  },
};
