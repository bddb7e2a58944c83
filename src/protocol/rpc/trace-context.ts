/** The trace that a message belongs to, as in the W3C recommendation "Trace Context". Both are printable ASCII. */
export type TraceContext = {
  /** Version, trace id, id of the caller's span and flags. */
  readonly traceparent: string;
  /** Entries of tracing systems. */
  readonly tracestate?: string;
};

/**
 * Reads the `trace` of a message. Returns `undefined` unless its `traceparent` is valid; drops a `tracestate` that is not
 * valid. It never fails: a trace only describes a request.
 */
export const traceContextOf = (trace: unknown): TraceContext | undefined => {
  if (typeof trace !== 'object' || trace === null) return undefined;
  const { traceparent, tracestate } = trace as Record<string, unknown>;
  if (!isTraceparent(traceparent)) return undefined;
  return isTracestate(tracestate) ? { traceparent, tracestate } : { traceparent };
};

/** Longest `traceparent` of a version that is not known, which may have more fields. */
const MAX_TRACEPARENT_LENGTH = 256;

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-[\x21-\x7e]*)?$/;

const isTraceparent = (text: unknown): text is string => {
  if (typeof text !== 'string' || text.length > MAX_TRACEPARENT_LENGTH) return false;
  const [, version, traceId = '', spanId = '', more] = TRACEPARENT.exec(text) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return false;
  return !isZero(traceId) && !isZero(spanId);
};

const isZero = (id: string): boolean => /^0+$/.test(id);

/** The length that every participant has to accept, and the number of entries that none may exceed. */
const MAX_TRACESTATE_LENGTH = 512;
const MAX_TRACESTATE_ENTRIES = 32;

const ENTRY =
  /^((?:[a-z][a-z0-9_*/-]{0,255})|(?:[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13}))=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

const isTracestate = (text: unknown): text is string => {
  if (typeof text !== 'string' || text.length > MAX_TRACESTATE_LENGTH) return false;
  const entries = text
    .split(',')
    .map(entry => entry.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter(entry => entry !== '');
  const keys = new Set(entries.map(entry => ENTRY.exec(entry)?.[1]));
  return (
    entries.length > 0 &&
    entries.length <= MAX_TRACESTATE_ENTRIES &&
    keys.size === entries.length &&
    !keys.has(undefined)
  );
};
