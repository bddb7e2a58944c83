import { connect, type ExecClient, localServer, RequestError } from '../../../src/core/index.ts';
import type { EnvOverlay, EnvPolicy } from '../../../src/shared-config/index.ts';
import { programPath } from './program.ts';
import { RawClient } from './raw-client.ts';

/** The process that a scenario starts. */
export type ScenarioStart = {
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly env?: EnvOverlay;
  /** If absent, `env` is the exact environment. */
  readonly envPolicy?: EnvPolicy;
  readonly stdin?: boolean;
};

export type ScenarioEnd = {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly exitCode: number;
  readonly signal: string | undefined;
  readonly reason: string;
};

/** A process of a scenario, started by any of the clients. */
export type ScenarioProcess = {
  write(bytes: Buffer | string): Promise<boolean>;
  closeStdin(): Promise<void>;
  signal(name: string): Promise<void>;
  terminate(): Promise<boolean>;
  /** Resolves with the first bytes of output. */
  firstOutput(): Promise<void>;
  /** Resolves when the process has exited, even if other processes still hold its streams. */
  exited(): Promise<void>;
  /** Resolves after the last notification about the process. */
  finished(): Promise<ScenarioEnd>;
};

/** A connection to a spawned server, with one of the clients. */
export type ScenarioConnection = {
  /** Rejects with `{ kind, stage }` when the start fails. */
  start(options: ScenarioStart): Promise<ScenarioProcess>;
  close(): Promise<void>;
};

export type ConnectionKind = {
  readonly name: string;
  open(env: NodeJS.ProcessEnv): Promise<ScenarioConnection>;
};

/** Clients of the same server: two that compose the bytes themselves, and that of the product. */
export const connectionKinds: readonly ConnectionKind[] = [
  { name: 'a client of raw frames', open: async env => rawConnection(await RawClient.open({ env })) },
  {
    name: 'a client of raw lines',
    open: async env => rawConnection(await RawClient.open({ env, framing: 'newline' })),
  },
  {
    name: "the product's client",
    // As a remote server, so that the policy is sent to the server and `exact` means the same for all clients.
    open: async env =>
      coreConnection(
        await connect(
          { ...localServer([process.execPath, programPath]), location: 'remote' },
          { localEnv: env },
        ),
      ),
  },
];

const rawConnection = (client: RawClient): ScenarioConnection => {
  let started = 0;
  return {
    start: async ({ argv, cwd = '/', env = {}, envPolicy, stdin = false }) => {
      const processId = `p${++started}`;
      const { error } = await client.ask('process/start', {
        processId,
        argv,
        cwd,
        env,
        envPolicy,
        tty: false,
        pipeStdin: stdin,
      });
      if (error !== undefined) throw startFailure(error.data);
      return rawProcess(client, processId);
    },
    close: async () => void (await client.close()),
  };
};

const rawProcess = (client: RawClient, processId: string): ScenarioProcess => {
  let writes = 0;
  const waitFor = async (method: string) =>
    void (await client.waitFor(method, m => m.method === method && m.params.processId === processId));
  return {
    write: async bytes => {
      const chunk = Buffer.from(bytes as string).toString('base64');
      const { status } = await client.request('process/write', {
        processId,
        chunk,
        writeId: String(++writes),
      });
      return status === 'accepted';
    },
    closeStdin: () => client.request('process/closeStdin', { processId }),
    signal: signal => client.request('process/signal', { processId, signal }),
    terminate: async () => (await client.request('process/terminate', { processId })).running,
    firstOutput: () => waitFor('process/output'),
    exited: () => waitFor('process/exited'),
    finished: async () => {
      const { stdout, stderr, exited } = await client.finished(processId);
      return {
        stdout,
        stderr,
        exitCode: exited.exitCode,
        signal: exited.signal ?? undefined,
        reason: exited.reason,
      };
    },
  };
};

const coreConnection = (client: ExecClient): ScenarioConnection => ({
  start: async ({ argv, cwd = '/', env = {}, envPolicy, stdin = false }) => {
    const environment = envPolicy
      ? { policy: envPolicy, overlay: env }
      : { exact: env as Record<string, string> };
    try {
      return coreProcess(await client.start({ argv, cwd, env: environment, stdin }));
    } catch (error) {
      throw error instanceof RequestError ? startFailure(error.data) : error;
    }
  },
  close: () => client.close(),
});

const coreProcess = (process: Awaited<ReturnType<ExecClient['start']>>): ScenarioProcess => {
  let resolveFirstOutput: () => void = () => {};
  const firstOutput = new Promise<void>(resolve => {
    resolveFirstOutput = resolve;
  });
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[], pty: [] as Buffer[] };
  const reading = (async () => {
    for await (const { stream, chunk } of process.output) {
      chunks[stream].push(chunk);
      resolveFirstOutput();
    }
  })();
  return {
    write: bytes => process.write(bytes),
    closeStdin: () => process.closeStdin(),
    signal: name => process.signal(name),
    terminate: () => process.terminate(),
    firstOutput: () => firstOutput,
    exited: async () => void (await process.exit),
    finished: async () => {
      await reading;
      return {
        stdout: Buffer.concat(chunks.stdout),
        stderr: Buffer.concat(chunks.stderr),
        ...(await process.exit),
      };
    },
  };
};

const startFailure = (data: Record<string, unknown> = {}) => ({ kind: data.kind, stage: data.stage });
