import * as z from 'zod/mini';
import { atMostBytes } from '../shared-config/byte-limit.ts';
import { notification, request } from './define.ts';
import { EnvironmentInfo } from './environment.ts';
import { flag, maybe } from './fields.ts';
import { MAX_ID_BYTES, MIN_OUTPUT_WINDOW_BYTES } from './limits.ts';

export const initialize = request('initialize', () => ({
  doc: 'Opens the connection: the first call, and the only one before `initialized`. A second one is refused.',
  params: z.object({
    clientName: z.string().check(atMostBytes(MAX_ID_BYTES), z.describe("The client's name, for people.")),
    binaryFrames: flag(
      'Whether the client understands frames with a `chunk` that is not base64, and may send them.',
    ),
    outputWindowBytes: maybe(
      z
        .int()
        .check(
          z.minimum(MIN_OUTPUT_WINDOW_BYTES),
          z.describe(
            'How much output of one process may be under way unacknowledged; unlimited unless given. See `process/acknowledge`.',
          ),
        ),
    ),
    retainedBytes: maybe(
      z
        .int()
        .check(
          z.nonnegative(),
          z.describe('Output kept per process for `process/read`: 1 MiB unless given.'),
        ),
    ),
    retainedMs: maybe(
      z.int().check(z.nonnegative(), z.describe('How long a closed process is kept: 30,000 unless given.')),
    ),
    resumeSessionId: maybe(z.string().check(z.describe('Refused: a session ends with its connection.'))),
  }),
  result: z.object({
    sessionId: z.string().check(z.describe('A name for this connection, for logs; it cannot be resumed.')),
    environmentInfo: EnvironmentInfo.check(z.describe('Where the server runs.')),
    binaryFrames: flag('Whether such frames may come now, and may be sent.'),
    limits: maybe(
      z.record(z.string(), z.int()).check(z.describe('The bounds that a client can run into, by name.')),
    ),
    ttyUnavailable: maybe(
      z.string().check(z.describe('Why no terminal can be had here; absent if one can.')),
    ),
    sandboxUnavailable: maybe(
      z.string().check(z.describe('Why nothing can be confined here; absent if that seems possible.')),
    ),
  }),
}));

export const initialized = notification('initialized', () => ({
  doc: 'The client has read the answer to `initialize`. Every other call may follow.',
  params: z.object({}),
}));

/** The requests of this file by wire name. */
export const lifecycleRequests = {
  initialize,
} as const;

/** The notifications of this file by wire name. */
export const lifecycleNotifications = {
  initialized,
} as const;
