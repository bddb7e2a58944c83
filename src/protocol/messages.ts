import { environmentExplain, environmentInfo, environmentRefresh, serverStatus } from './environment.ts';
import { environmentConfigRead } from './environment-config.ts';
import {
  fsCanonicalize,
  fsClose,
  fsCopy,
  fsCreateDirectory,
  fsGetMetadata,
  fsMissingChanged,
  fsOpen,
  fsReadBlock,
  fsReadDirectory,
  fsReadFile,
  fsRemove,
  fsWalk,
  fsWatchMissing,
  fsWriteBlock,
  fsWriteFile,
} from './files.ts';
import { httpBodyDelta, httpRequest } from './http.ts';
import { initialize, initialized } from './lifecycle.ts';
import {
  processAcknowledge,
  processClosed,
  processCloseStdin,
  processExited,
  processList,
  processOutput,
  processOutputDropped,
  processRead,
  processResize,
  processSignal,
  processStart,
  processTerminate,
  processWrite,
} from './process.ts';

/** Every call a client can make, by the name of its handler. */
export const requests = {
  initialize,
  environmentInfo,
  environmentExplain,
  environmentRefresh,
  processStart,
  processWrite,
  processCloseStdin,
  processSignal,
  processTerminate,
  processResize,
  processRead,
  processAcknowledge,
  processList,
  fsReadFile,
  fsWriteFile,
  fsCreateDirectory,
  fsGetMetadata,
  fsCanonicalize,
  fsReadDirectory,
  fsWalk,
  fsRemove,
  fsCopy,
  fsOpen,
  fsReadBlock,
  fsWriteBlock,
  fsClose,
  fsWatchMissing,
  serverStatus,
  httpRequest,
  environmentConfigRead,
} as const;
export type Requests = typeof requests;

/** What a client tells the server without being answered. */
export const clientNotifications = { initialized } as const;

/** What the server tells a client unasked. */
export const serverNotifications = {
  processOutput,
  processOutputDropped,
  processExited,
  processClosed,
  fsMissingChanged,
  httpBodyDelta,
} as const;
export type ServerNotifications = typeof serverNotifications;
