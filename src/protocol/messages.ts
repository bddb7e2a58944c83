import { environmentNotifications, environmentRequests } from './environment.ts';
import { environmentConfigRequests } from './environment-config.ts';
import { fileNotifications, fileRequests } from './files.ts';
import { httpNotifications, httpRequests } from './http.ts';
import { lifecycleNotifications, lifecycleRequests } from './lifecycle.ts';
import { processNotifications, processRequests } from './process.ts';
import { sessionNotifications, sessionRequests } from './session.ts';

/** Every request of a client, by wire name. */
export const requests = {
  ...lifecycleRequests,
  ...sessionRequests,
  ...environmentRequests,
  ...processRequests,
  ...fileRequests,
  ...httpRequests,
  ...environmentConfigRequests,
} as const;
export type Requests = typeof requests;

/** Every notification of a client, by wire name. */
export const clientNotifications = { ...lifecycleNotifications, ...sessionNotifications } as const;

/** Every notification of the server, by wire name. */
export const serverNotifications = {
  ...sessionNotifications,
  ...environmentNotifications,
  ...processNotifications,
  ...fileNotifications,
  ...httpNotifications,
} as const;
export type ServerNotifications = typeof serverNotifications;
