import type { SlowClient } from '../../support/slow-client.ts';

export const NO_BYTES = { stdout: 0, stderr: 0, pty: 0 };

/** Params of the messages of one method. */
export const paramsOf = (client: SlowClient, method: string) =>
  client.messages.filter(message => message.method === method).map(({ params }) => params);

/** Each message as `seq method`, without the part before the slash. */
export const order = (client: SlowClient) =>
  client.messages.map(({ method, params }) => `${params.seq} ${method.replace('process/', '')}`);

/** Params of `process/exited`, with changes. */
export const exited = (params: object) => ({
  processId: 'p',
  seq: 1,
  exitCode: 0,
  sandboxDenied: false,
  signal: null,
  reason: 'exited',
  ...params,
});
