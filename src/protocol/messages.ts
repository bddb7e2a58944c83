import { environmentInfo } from './environment.ts';
import { initialize, initialized } from './lifecycle.ts';
import {
  processClosed,
  processCloseStdin,
  processExited,
  processOutput,
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
} as const;
export type Requests = typeof requests;

/** What a client tells the server without being answered. */
export const clientNotifications = { initialized } as const;

/** What the server tells a client unasked. */
export const serverNotifications = { processOutput, processExited, processClosed } as const;
export type ServerNotifications = typeof serverNotifications;
