import * as z from 'zod/mini';
import { notification, request } from './define.ts';

export const sessionAck = notification('session/ack', () => ({
  doc:
    'The sender has received so many bytes of the other side in this session. Sent by both sides at the latest every 64 KiB, ' +
    'and a second after other bytes. See docs/sessions.md.',
  params: z.object({
    bytes: z
      .int()
      .check(z.nonnegative(), z.describe('Total of the bytes that were received, on all connections.')),
  }),
}));

export const sessionPing = request('session/ping', () => ({
  doc: 'Asks if the other side is there. A server that has been pinged takes 20 s without a byte for a lost connection.',
  params: z.object({}),
  result: z.object({}),
}));

export const shutdown = request('shutdown', () => ({
  doc: 'Ends the session and all of its processes after the answer, also if it was to wait for a resume.',
  params: z.object({}),
  result: z.object({}),
}));

/** The requests of this file by wire name. */
export const sessionRequests = {
  'session/ping': sessionPing,
  shutdown,
} as const;

/** The notifications of this file by wire name; both sides send them. */
export const sessionNotifications = {
  'session/ack': sessionAck,
} as const;
