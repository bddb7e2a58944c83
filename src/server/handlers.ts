import type { ParamsOut, ResultIn } from '../protocol/define.ts';
import { resumeUnavailable } from '../protocol/errors.ts';
import type { Requests } from '../protocol/messages.ts';
import { describeHost } from './environment-info.ts';
import type { Host } from './host.ts';
import type { HttpRequests } from './http/http-requests.ts';
import type { Lazy } from './lazy.ts';
import {
  type announcedLimits,
  MAX_RETAINED_BYTES,
  MAX_RETAINED_MS,
  RETAINED_BYTES,
  RETAINED_MS,
} from './limits.ts';
import type { Processes } from './process/processes.ts';
import { ptyUnavailable } from './process/pty-binding.ts';
import { parseSignal } from './process/signals.ts';
import type { Session } from './session.ts';

/** One handler for each declared request; a missing one doesn't compile. */
export type Handlers = {
  readonly [Name in keyof Requests]: (
    params: ParamsOut<Requests[Name]>,
  ) => ResultIn<Requests[Name]> | Promise<ResultIn<Requests[Name]>>;
};

/** What handlers work on. */
export type HandlerContext = {
  readonly host: Host;
  readonly session: Session;
  readonly processes: Processes;
  readonly http: Lazy<HttpRequests>;
  readonly status: () => ResultIn<Requests['serverStatus']>;
  readonly limits: ReturnType<typeof announcedLimits>;
};

export const createHandlers = ({
  host,
  session,
  processes,
  http,
  status,
  limits,
}: HandlerContext): Handlers => ({
  initialize: ({ resumeSessionId, outputWindowBytes, retainedBytes, retainedMs }) => {
    if (resumeSessionId !== undefined) throw resumeUnavailable();
    session.initialize();
    processes.configure({
      windowBytes: outputWindowBytes ?? Number.POSITIVE_INFINITY,
      retainedBytes: Math.min(retainedBytes ?? RETAINED_BYTES, MAX_RETAINED_BYTES),
      retainedMs: Math.min(retainedMs ?? RETAINED_MS, MAX_RETAINED_MS),
    });
    return {
      sessionId: session.id,
      environmentInfo: describeHost(host),
      limits,
      ttyUnavailable: ptyUnavailable(),
    };
  },
  environmentInfo: () => describeHost(host),
  serverStatus: status,
  processStart: params => processes.start(params),
  processWrite: params => processes.write(params),
  processCloseStdin: params => processes.closeStdin(params),
  processSignal: async params => {
    await processes.signal(params, parseSignal(params.signal));
    return {};
  },
  processTerminate: params => processes.terminate(params),
  processResize: params => {
    processes.resize(params);
    return {};
  },
  processRead: params => processes.read(params),
  processAcknowledge: params => {
    processes.acknowledge(params);
    return {};
  },
  processList: () => processes.list(),
  httpRequest: async params => (await http.get()).request(params),
});
