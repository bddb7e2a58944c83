export type { NotificationSpec, ParamsIn, ParamsOut, RequestSpec, ResultIn, ResultOut } from './define.ts';
export { EnvironmentInfo } from './environment.ts';
export { type ErrorKind, ExecServerError, errorKinds, type LaunchStage } from './errors.ts';
export type { BodyKind, Decoder, FrameSink, Framing } from './framing/decoder.ts';
export { encodeFrame } from './framing/encode.ts';
export { CHUNK_TYPE } from './framing/format.ts';
export { FrameDecoder } from './framing/frame-decoder.ts';
export { LineDecoder } from './framing/line-decoder.ts';
export {
  MAX_BATCH,
  MAX_FRAME_BYTES,
  MAX_HEADER_BYTES,
  MAX_ID_BYTES,
  MAX_NESTING,
  MAX_RESYNC_BYTES,
  MAX_SKIPPED_BODY_BYTES,
  MAX_UNDISPATCHED_MESSAGES,
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
