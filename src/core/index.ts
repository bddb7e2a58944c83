export type { EnvironmentWaiting } from '../protocol/environment.ts';
export type { Askpass } from './askpass.ts';
export { type HostReport, inspectHost, uninstallFromHost } from './bootstrap/inspect-host.ts';
export type { BootstrapOptions } from './bootstrap/start-on-host.ts';
export type { UploadProgress } from './bootstrap/upload.ts';
export type { ClientStreams } from './client-connection.ts';
export { type ConnectOptions, connect } from './connect.ts';
export { ConnectionLostError, RequestError } from './errors.ts';
export { ExecError, type ExecOptions, type ExecResult } from './exec.ts';
export type { ExecClient } from './exec-client.ts';
export type {
  DirectoryEntry,
  FileMetadata,
  FileOptions,
  MissingPaths,
  ReadFileOptions,
  ReadStreamOptions,
  RecursiveOptions,
  RemoteFiles,
  RemoveOptions,
  WalkOptions,
  WalkResult,
  WriteFileOptions,
  WriteStreamOptions,
} from './files.ts';
export type { HttpOptions, HttpRequestHeader, HttpResponse, HttpStreamOptions } from './http.ts';
export type { LikelyCause, LikelyCauseKind } from './likely-cause.ts';
export type { OutputLine } from './lines.ts';
export type { EnvironmentExplanation } from './local-environment.ts';
export { type KeepOptions, type OpenOptions, openClient } from './open-client.ts';
export type { OutputChunk } from './output-queue.ts';
export type {
  Launch,
  ProcessClose,
  ProcessExit,
  ProcessOptions,
  ProcessResult,
  RemoteProcess,
  Sandbox,
  StartOptions,
} from './process.ts';
export type { SessionEvent, SessionState } from './resume/resuming.ts';
export { type RuntimeFacts, runtimeOverlay, type UnifiedExecFacts } from './runtime-env.ts';
export {
  type EnvByPolicy,
  localStartEnv,
  type ProcessEnv,
  remoteStartEnv,
  type StartEnv,
} from './start-env.ts';
export type { StartUpOutput } from './start-up-output.ts';
export {
  commandServer,
  containerServer,
  localServer,
  type Pod,
  podServer,
  shellServer,
  sshCommandServer,
  sshServer,
  type Target,
} from './target.ts';
export type { TransportEnd } from './transport.ts';
export { UnifiedExecError, type UnifiedExecErrorKind } from './unified-exec/errors.ts';
export { UNIFIED_EXEC_LIMITS, type UnifiedExecLimits } from './unified-exec/limits.ts';
export type { EndOptions, ExecCommandOptions, WriteStdinOptions } from './unified-exec/options.ts';
export type {
  CommandResult,
  EndedResult,
  ExitedResult,
  Omitted,
  RunningResult,
} from './unified-exec/result.ts';
export {
  type Environments,
  type SessionInfo,
  UnifiedExec,
  type UnifiedExecOptions,
} from './unified-exec/unified-exec.ts';
