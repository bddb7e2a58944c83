// Compiled by `npm run check:types` against the declarations in dist: it fails to compile when the public API changes.
import type { Readable, Writable } from 'node:stream';
import type {
  ConnectionLostError,
  ExecClient,
  ExecError,
  ExecResult,
  HttpResponse,
  Launch,
  OutputChunk,
  OutputLine,
  ProcessClose,
  ProcessExit,
  ProcessResult,
  RemoteFiles,
  RemoteProcess,
  RequestError,
  Sandbox,
  StartOptions,
} from 'exec-server/core';
import {
  commandServer,
  connect,
  localServer,
  type openClient,
  sshServer,
  UnifiedExec,
} from 'exec-server/core';
import { connectEmbedded } from 'exec-server/embedded';

/** True if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only if the types are the same. */
const same = <A, B>(_: Same<A, B>): void => {};

// Nothing internal is public.
same<
  keyof RemoteProcess,
  | 'id'
  | 'pid'
  | 'launch'
  | 'stdin'
  | 'stdout'
  | 'stderr'
  | 'output'
  | 'unreadBytes'
  | 'exit'
  | 'closed'
  | 'lines'
  | 'collect'
  | 'write'
  | 'closeStdin'
  | 'signal'
  | 'terminate'
  | 'resize'
  | typeof Symbol.asyncIterator
  | typeof Symbol.asyncDispose
>(true);
same<
  keyof ExecClient,
  | 'files'
  | 'closed'
  | 'info'
  | 'limits'
  | 'ttyUnavailable'
  | 'sandboxUnavailable'
  | 'startUpOutput'
  | 'state'
  | 'session'
  | 'sessionUnavailable'
  | 'exec'
  | 'start'
  | 'read'
  | 'list'
  | 'explain'
  | 'refreshEnvironment'
  | 'environmentConfig'
  | 'http'
  | 'httpStream'
  | 'status'
  | 'reconnect'
  | 'close'
  | 'abort'
  | typeof Symbol.asyncDispose
>(true);
same<
  keyof RemoteFiles,
  | 'readFile'
  | 'writeFile'
  | 'stat'
  | 'readdir'
  | 'walk'
  | 'realpath'
  | 'mkdir'
  | 'cp'
  | 'rm'
  | 'createReadStream'
  | 'createWriteStream'
  | 'watchMissing'
>(true);

const processOf = async (client: ExecClient): Promise<void> => {
  const child = await client.start({
    argv: ['npm', 'test'],
    tty: true,
    env: { overlay: { A: '1', B: null }, policy: { exclude: ['AWS_*'] } },
    signal: AbortSignal.timeout(1000),
  });
  same<typeof child, RemoteProcess>(true);
  same<RemoteProcess['stdin'], Writable | undefined>(true);
  same<RemoteProcess['stdout'], Readable>(true);
  same<RemoteProcess['launch'], Launch>(true);
  same<Launch['pid'], number>(true);
  same<RemoteProcess['exit'], Promise<ProcessExit>>(true);
  same<RemoteProcess['closed'], Promise<ProcessClose>>(true);
  same<ReturnType<RemoteProcess['collect']>, Promise<ProcessResult>>(true);
  for await (const chunk of child) same<typeof chunk, OutputChunk>(true);
  for await (const line of child.lines()) same<typeof line, OutputLine>(true);
  const disposable: AsyncDisposable = child;
  await disposable[Symbol.asyncDispose]();
};

const execOf = async (client: ExecClient): Promise<void> => {
  same<Awaited<ReturnType<typeof text>>, ExecResult>(true);
  const text = () => client.exec('npm', ['test'], { timeoutMs: 1000, input: 'x' });
  const bytes = await client.exec('cat', [], { encoding: 'buffer' });
  same<typeof bytes.stdout, Buffer>(true);
  same<ExecError['stdout'], string | Buffer>(true);
  same<ExecError['failed'], true>(true);
};

const filesOf = async ({ files }: ExecClient, sandbox: Sandbox): Promise<void> => {
  const text: string = await files.readFile('/f', 'utf8');
  const alsoText: string = await files.readFile('/f', { encoding: 'utf8', sandbox });
  const bytes: Buffer = await files.readFile('/f', { maxBytes: 1 });
  await files.writeFile('/f', text + alsoText + bytes, { atomic: true, sandbox });
  await files.mkdir('/d', { recursive: true });
  await files.rm('/d', { recursive: true, force: true });
};

const httpOf = async (client: ExecClient): Promise<void> => {
  const whole = await client.http('http://localhost/', { headers: { accept: '*/*' } });
  same<typeof whole, HttpResponse>(true);
  const streamed = await client.httpStream('http://localhost/', { maxUnreadBytes: 1 });
  same<typeof streamed.body, Readable>(true);
};

const connections = async (): Promise<void> => {
  const clients: readonly ExecClient[] = [
    await connect(localServer()),
    await connect(sshServer('devbox'), { localEnv: {}, signal: AbortSignal.timeout(1), retainedBytes: 1 }),
    await connect(commandServer(['docker', 'exec', '-i', 'box', 'exec-server', '--stdio'])),
    await connectEmbedded(),
  ];
  const lost: ConnectionLostError | undefined = await clients[0]?.closed;
  for (const client of clients) new UnifiedExec(client, { defaultEnv: { runtime: { threadId: 't' } } });
  same<typeof lost, ConnectionLostError | undefined>(true);
  same<Parameters<typeof openClient>[0]['location'], 'local' | 'remote'>(true);
};

// The kind of an error is completed by editors, and a newer server may send another one.
const kind: RequestError['kind'] = 'launchFailed';
const newerKind: RequestError['kind'] = 'a kind of a newer server';

// @ts-expect-error a program is required
const withoutProgram: StartOptions = { argv: [] };
// @ts-expect-error a sandbox is checked
const wrongSandbox: Sandbox = { permissions: { type: 'none' } };

export const samples = [
  processOf,
  execOf,
  filesOf,
  httpOf,
  connections,
  kind,
  newerKind,
  withoutProgram,
  wrongSandbox,
];
