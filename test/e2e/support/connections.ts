import { connect, type ExecClient, localServer, RequestError } from '../../../src/core/index.ts';
import type { EnvOverlay, EnvPolicy } from '../../../src/shared-config/index.ts';
import { programPath } from './program.ts';
import { RawClient } from './raw-client.ts';

/** What a scenario starts. */
export type ScenarioStart = {
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly env?: EnvOverlay;
  /** Without it `env` is exact. */
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

/** A process of a scenario, whichever client started it. */
export type ScenarioProcess = {
  write(bytes: Buffer | string): Promise<boolean>;
  closeStdin(): Promise<void>;
  signal(name: string): Promise<void>;
  terminate(): Promise<boolean>;
  /** Resolves when the first bytes of output are there. */
  firstOutput(): Promise<void>;
  /** Resolves when the process has ended, whoever still holds its streams. */
  exited(): Promise<void>;
  /** Resolves when all is said of the process. */
  finished(): Promise<ScenarioEnd>;
};

/** A connection to a spawned server, by one of the two clients. */
export type ScenarioConnection = {
  /** A failed start is thrown as `{ kind, stage }`. */
  start(options: ScenarioStart): Promise<ScenarioProcess>;
  close(): Promise<void>;
};

export type ConnectionKind = {
  readonly name: string;
  open(env: NodeJS.ProcessEnv): Promise<ScenarioConnection>;
};

/** The same server, spoken to by bytes of our own making and by the product's client. */
export const connectionKinds: readonly ConnectionKind[] = [
  { name: 'a client of bytes', open: async env => rawConnection(await RawClient.open({ env })) },
  {
    name: 'a client of lines',
    open: async env => rawConnection(await RawClient.open({ env, framing: 'newline' })),
  },
  {
    name: "the product's client",
    // As to a remote server: a policy then goes over the wire, and `exact` is exact in both places.
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
  let begun: () => void = () => {};
  const begins = new Promise<void>(resolve => {
    begun = resolve;
  });
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[], pty: [] as Buffer[] };
  const reading = (async () => {
    for await (const { stream, chunk } of process.output) {
      chunks[stream].push(chunk);
      begun();
    }
  })();
  return {
    write: bytes => process.write(bytes),
    closeStdin: () => process.closeStdin(),
    signal: name => process.signal(name),
    terminate: () => process.terminate(),
    firstOutput: () => begins,
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
