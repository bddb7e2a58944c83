import type { NotificationSpec, ParamsIn } from '../protocol/define.ts';
import type { OutputStream } from '../protocol/process.ts';
import type { Backlog } from './memory/backlog.ts';

/** Output that is ready to be sent in its turn. */
export type OutputSource = {
  /** Sends one chunk if there is one. Returns true if there is another. */
  sendNext(): boolean;
};

/**
 * Way from a session to its client. A session has no other access to a connection, and keeps nothing of one between
 * calls except the senders of {@link Outlet.outputSender}.
 */
export type Outlet = Backlog & {
  /** Sends a notification. Does nothing on a closed connection. */
  notify<Spec extends NotificationSpec>(spec: Spec, params: ParamsIn<Spec>): void;
  /** Creates the function that sends the output of one stream of a process, each chunk in a frame of its own. */
  outputSender(processId: string, stream: OutputStream): (seq: number, chunk: Buffer) => void;
  /** True if output may be sent now; otherwise its source has to {@link Outlet.wait}. */
  readonly open: boolean;
  /** Calls `source.sendNext` as soon as the client has read enough and no other source is before it. */
  wait(source: OutputSource): void;
};
