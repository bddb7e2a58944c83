export type { NotificationSpec, ParamsIn, ParamsOut, RequestSpec, ResultIn, ResultOut } from './define.ts';
export { EnvironmentInfo } from './environment.ts';
export type { LaunchStage } from './error-data.ts';
export { type ErrorKind, ExecServerError, errorKinds } from './errors.ts';
export { CHUNK_TYPE } from './framing/format.ts';
export {
  MAX_BATCH,
  MAX_FRAME_BYTES,
  MAX_FRAME_VALUES,
  MAX_HEADER_BYTES,
  MAX_ID_BYTES,
  MAX_NESTING,
  MIN_OUTPUT_WINDOW_BYTES,
} from './limits.ts';
export {
  clientNotifications,
  type Requests,
  requests,
  type ServerNotifications,
  serverNotifications,
} from './messages.ts';
export { ExitReason, OutputStream } from './process.ts';
export { version } from './version.ts';
