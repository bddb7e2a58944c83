import { AsyncLocalStorage } from 'node:async_hooks';
import { ResponseError } from 'vscode-jsonrpc/node';
import { requests } from '../../protocol/messages.ts';
import { type TraceContext, traceContextOf } from '../../protocol/rpc/trace-context.ts';
import type { Dispatch } from './dispatch.ts';

type Log = (line: string) => void;

/**
 * The traces of requests, for the log lines that they cause. Node 20 slows down promises from the first use on, so it is
 * used only for requests that have a trace.
 */
const traces = new AsyncLocalStorage<TraceContext>();

/** Creates a log that adds its trace to a line that a request causes. */
export const tracedLog =
  (log: Log): Log =>
  line => {
    const trace = traces.getStore();
    log(trace === undefined ? line : `${line} (${describeTrace(trace)})`);
  };

const describeTrace = ({ traceparent, tracestate }: TraceContext): string =>
  `traceparent ${traceparent}${tracestate === undefined ? '' : `, tracestate ${tracestate}`}`;

/**
 * Creates the function that handles each request within its trace.
 *
 * @param logCall receives a line for each answered request, with its time; `undefined` for none
 */
export const observedDispatch =
  (dispatch: Dispatch, logCall: Log | undefined): Dispatch =>
  (method, params, message) => {
    const trace = message?.trace === undefined ? undefined : traceContextOf(message.trace);
    if (trace !== undefined) return traces.run(trace, observed, dispatch, logCall, method, params, message);
    return observed(dispatch, logCall, method, params, message);
  };

// Not async, since it must not keep the params until the answer.
const observed = (
  dispatch: Dispatch,
  logCall: Log | undefined,
  ...[method, params, message]: Parameters<Dispatch>
): Promise<unknown> => {
  if (logCall === undefined) return dispatch(method, params, message);
  const startedAt = performance.now();
  const answer = dispatch(method, params, message);
  logWhenAnswered(answer, logCall, startedAt, callName(method, message?.id));
  return answer;
};

const logWhenAnswered = async (
  answer: Promise<unknown>,
  logCall: Log,
  startedAt: number,
  name: string,
): Promise<void> => {
  const result = await answer;
  const outcome = result instanceof ResponseError ? `failed (${kindOf(result)})` : 'answered';
  logCall(`${name} ${outcome} after ${(performance.now() - startedAt).toFixed(1)} ms`);
};

/** Method and id; a client may choose any text for both. */
const callName = (method: string, id: unknown): string => {
  const known = Object.hasOwn(requests, method) ? method : 'unknown method';
  const text = JSON.stringify(id)
    .slice(0, MAX_LOGGED_ID_LENGTH)
    .replace(/[^\x20-\x7e]/g, '?');
  return `call ${known} id ${text}`;
};

const MAX_LOGGED_ID_LENGTH = 64;

const kindOf = ({ code, data }: ResponseError<unknown>): string =>
  (data as { kind?: string } | undefined)?.kind ?? String(code);
