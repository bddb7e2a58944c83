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
    binaryFrames: flag('True if the client reads and may send binary frames, whose `chunk` is not base64.'),
    outputWindowBytes: maybe(
      z
        .int()
        .check(
          z.minimum(MIN_OUTPUT_WINDOW_BYTES),
          z.describe(
            'Limit of the unacknowledged output of one process, in bytes. Default: unlimited. See `process/acknowledge`.',
          ),
        ),
    ),
    retainedBytes: maybe(
      z
        .int()
        .check(
          z.nonnegative(),
          z.describe('Output retained per process for `process/read`, in bytes. Default: 1 MiB.'),
        ),
    ),
    retainedMs: maybe(
      z
        .int()
        .check(z.nonnegative(), z.describe('Time for which a closed process can be read. Default: 30,000.')),
    ),
    resumeSessionId: maybe(z.string().check(z.describe('Refused: sessions cannot be resumed.'))),
  }),
  result: z.object({
    sessionId: z.string().check(z.describe('An id of this connection for logs; it cannot be resumed.')),
    environmentInfo: EnvironmentInfo.check(z.describe('The machine and account of the server.')),
    protocol: maybe(
      z
        .object({
          min: z.int().check(z.describe('The oldest one.')),
          max: z.int().check(z.describe('The newest one.')),
        })
        .check(z.describe('Versions of the protocol that the server speaks. Absent: 1.')),
    ),
    binaryFrames: flag('True if both sides may send binary frames from now on.'),
    limits: maybe(
      z.record(z.string(), z.int()).check(z.describe('The limits that a client can reach, by name.')),
    ),
    ttyUnavailable: maybe(
      z.string().check(z.describe('The reason why terminals are not available; absent if they are.')),
    ),
    sandboxUnavailable: maybe(
      z.string().check(z.describe('The reason why sandboxes are not available; absent if they seem to be.')),
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
