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
    session: maybe(
      z
        .object({
          keepMs: z
            .int()
            .check(
              z.minimum(1),
              z.describe('Time for which the session waits for a resume after its connection was lost.'),
            ),
          clientId: maybe(z.string().check(atMostBytes(MAX_ID_BYTES), z.describe('As in `resume`.'))),
        })
        .check(
          z.describe('A session that outlives its connection, see docs/sessions.md. Default: it does not.'),
        ),
    ),
    resume: maybe(
      z
        .object({
          sessionId: z
            .string()
            .check(atMostBytes(MAX_ID_BYTES), z.describe('`session.id` of the first answer.')),
          receivedBytes: z
            .int()
            .check(
              z.nonnegative(),
              z.describe('Total of the bytes of the server that have arrived, from its first answer on.'),
            ),
          clientId: maybe(
            z
              .string()
              .check(
                atMostBytes(MAX_ID_BYTES),
                z.describe(
                  'A name that the client keeps. A client that another one has replaced is refused.',
                ),
              ),
          ),
        })
        .check(z.describe('The session to continue. The other fields have no effect then.')),
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
    session: maybe(
      z
        .object({
          id: z.string().check(z.describe('The id to resume it by. A secret.')),
          keepMs: z.int().check(z.describe('Time for which it waits, within the limits of the server.')),
          replayBytes: z.int().check(z.describe('Bytes in each direction that are kept to be sent again.')),
        })
        .check(z.describe('Present if the session outlives its connection.')),
    ),
    sessionUnavailable: maybe(
      z
        .string()
        .check(
          z.describe('The reason why the session ends with its connection, if another one was requested.'),
        ),
    ),
    resumed: maybe(z.boolean().check(z.describe('True if a session was resumed.'))),
    receivedBytes: maybe(
      z.int().check(z.describe('After a resume: total of the bytes of the client that have arrived.')),
    ),
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
