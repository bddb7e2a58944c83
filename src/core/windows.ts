import { MAX_OUTPUT_WINDOW_BYTES } from '../protocol/limits.ts';
import { CreditWindows } from './credit-window.ts';
import { MAX_SEND_WINDOW_BYTES, SEND_WINDOW_PART, UNANNOUNCED_MEMORY_BYTES } from './limits.ts';
import { type SendQueue, SendWindow } from './send-window.ts';

/** Limits of what may be under way on a connection in each direction. */
export type Windows = {
  /** Blocks to the server that are not answered. */
  readonly send: SendWindow;
  /** Output, and blocks of files, that the server may send ahead of the reader. */
  readonly credit: CreditWindows;
};

/** Creates the windows of a connection from the limits that the server announces. */
export const createWindows = (
  queue: SendQueue,
  outputWindowBytes: number | undefined,
  { memoryBytes = UNANNOUNCED_MEMORY_BYTES, outputWindowBytes: maxBytes = 0 }: Limits = {},
): Windows => ({
  send: new SendWindow(Math.min(memoryBytes * SEND_WINDOW_PART, MAX_SEND_WINDOW_BYTES), queue),
  credit: new CreditWindows(outputWindowBytes, Math.min(maxBytes, MAX_OUTPUT_WINDOW_BYTES)),
});

type Limits = { readonly memoryBytes?: number; readonly outputWindowBytes?: number };
