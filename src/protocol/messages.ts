import { environmentNotifications, environmentRequests } from './environment.ts';
import { environmentConfigRequests } from './environment-config.ts';
import { fileNotifications, fileRequests } from './files.ts';
import { httpNotifications, httpRequests } from './http.ts';
import { lifecycleNotifications, lifecycleRequests } from './lifecycle.ts';
import { processNotifications, processRequests } from './process.ts';

/** Every request of a client, by wire name. */
export const requests = {
  ...lifecycleRequests,
  ...environmentRequests,
  ...processRequests,
  ...fileRequests,
  ...httpRequests,
  ...environmentConfigRequests,
} as const;
export type Requests = typeof requests;

/** Every notification of a client, by wire name. */
export const clientNotifications = lifecycleNotifications;

/** Every notification of the server, by wire name. */
export const serverNotifications = {
  ...environmentNotifications,
  ...processNotifications,
  ...fileNotifications,
  ...httpNotifications,
} as const;
export type ServerNotifications = typeof serverNotifications;
