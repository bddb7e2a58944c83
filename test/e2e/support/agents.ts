import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { connect, type ExecClient, localServer } from '../../../src/core/index.ts';
import { connectEmbedded } from '../../../src/embedded/index.ts';
import { childrenOf } from './process-tree.ts';
import { programPath } from './program.ts';
import { type RemoteHost, startRemoteHost } from './remote-host.ts';

/** A server that runs the commands of an agent. */
export type AgentServer = {
  readonly client: ExecClient;
  /** HOME of the processes on the server. */
  readonly home: string;
  /** Variables of the base environment on the server. */
  readonly hostEnv: Readonly<Record<string, string>>;
  /** All bytes that servers have received, if they are recorded. */
  received(): Buffer;
  /** Kills the process that carries the connection; `undefined` if there is none. */
  readonly drop: (() => Promise<void>) | undefined;
  close(): Promise<void>;
};

export type AgentServerKind = {
  readonly name: string;
  /** True if commands run on another machine than the client. */
  readonly remote: boolean;
  /** Called once, before any `open`. */
  prepare(): Promise<void>;
  open(): Promise<AgentServer>;
  dispose(): Promise<void>;
};

/** Variables of the client's machine, some of which look like secrets. */
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

/** A server in the process of its client. */
export const embeddedServer = onThisMachine(
  'an embedded server',
  env => connectEmbedded({ env }),
  async () => undefined,
);

/** The built program, connected by pipes. */
export const pipedServer = onThisMachine(
  'a local server',
  env => connect(localServer([process.execPath, programPath]), { localEnv: env }),
  async client => (await client.status()).pid,
);

let host: RemoteHost;

/** The built program, reached through a real sshd. */
export const remoteServer: AgentServerKind = {
  name: 'a server behind ssh',
  remote: true,
  prepare: async () => {
    host = await startRemoteHost();
  },
  dispose: () => host.stop(),
  open: async () => {
    const others = childrenOf(process.pid);
    const client = await connect(host.target, {
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
