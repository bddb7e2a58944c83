import type { ParamsOut, ResultIn } from '../protocol/define.ts';
import { resumeUnavailable } from '../protocol/errors.ts';
import type { Requests } from '../protocol/messages.ts';
import { describeHost } from './environment-info.ts';
import type { Host } from './host.ts';
import type { Processes } from './process/processes.ts';
import { parseSignal } from './process/signals.ts';
import type { Session } from './session.ts';

/** One handler for each declared request; a missing one doesn't compile. */
export type Handlers = {
  readonly [Name in keyof Requests]: (
    params: ParamsOut<Requests[Name]>,
  ) => ResultIn<Requests[Name]> | Promise<ResultIn<Requests[Name]>>;
};

export const createHandlers = (host: Host, session: Session, processes: Processes): Handlers => ({
  initialize: ({ resumeSessionId }) => {
    if (resumeSessionId !== undefined) throw resumeUnavailable();
    session.initialize();
    return { sessionId: session.id, environmentInfo: describeHost(host) };
  },
  environmentInfo: () => describeHost(host),
  processStart: params => processes.start(params),
  processWrite: ({ processId, chunk, writeId }) => processes.write(processId, chunk, writeId),
  processCloseStdin: ({ processId }) => ({
    status: processes.closeStdin(processId) ? 'accepted' : 'unknownProcess',
  }),
  processSignal: ({ processId, signal }) => {
    processes.signal(processId, parseSignal(signal));
    return {};
  },
  processTerminate: ({ processId }) => ({ running: processes.terminate(processId) }),
});
