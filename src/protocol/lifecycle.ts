import * as z from 'zod/mini';
import { notification, request } from './define.ts';
import { EnvironmentInfo } from './environment.ts';
import { maybe } from './fields.ts';

export const initialize = request('initialize', {
  doc: 'Opens the connection: the first call, and the only one before `initialized`. A second one is refused.',
  params: z.object({
    clientName: z.string().check(z.describe("The client's name, for people.")),
    resumeSessionId: maybe(z.string().check(z.describe('Refused: a session ends with its connection.'))),
  }),
  result: z.object({
    sessionId: z.string().check(z.describe('A name for this connection, for logs; it cannot be resumed.')),
    environmentInfo: EnvironmentInfo.check(z.describe('Where the server runs.')),
  }),
});

export const initialized = notification('initialized', {
  doc: 'The client has read the answer to `initialize`. Every other call may follow.',
  params: z.object({}),
});
