export { type ConnectOptions, connect } from './connect.ts';
export { ConnectionLostError, RequestError } from './errors.ts';
export { type ClientStreams, ExecClient, type StartOptions } from './exec-client.ts';
export type { OutputChunk } from './output-queue.ts';
export type { ProcessExit, ProcessResult, RemoteProcess } from './remote-process.ts';
export { type RuntimeFacts, runtimeOverlay } from './runtime-env.ts';
export { localStartEnv, type ProcessEnvironment, remoteStartEnv, type StartEnv } from './start-env.ts';
export { commandServer, localServer, REMOTE_COMMAND, sshServer, type Target } from './target.ts';
export type { TransportEnd } from './transport.ts';
