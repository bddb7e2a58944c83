import { environmentInfo, serverStatus } from './environment.ts';
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
  processStart,
  processWrite,
  processCloseStdin,
  processSignal,
  processTerminate,
  processResize,
  processRead,
  processAcknowledge,
  processList,
  serverStatus,
  httpRequest,
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
  httpBodyDelta,
} as const;
export type ServerNotifications = typeof serverNotifications;
