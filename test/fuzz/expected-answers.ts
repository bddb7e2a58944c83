import { asObject } from './frames.ts';
import type { Framing, Step } from './script.ts';

/** The expected answer to a message: the ids that it may have, and the method of the request. */
export type ExpectedAnswer = { readonly ids: readonly string[]; readonly method?: string };

/** The expected answers to the messages in one body; in one array if it is a batch. */
export type ExpectedAnswers = {
  readonly batch: boolean;
  readonly answers: readonly ExpectedAnswer[];
  /** True if one error may be sent instead of them. */
  readonly refusable?: boolean;
};

/** The id of an answer to a message whose id is unknown; -1 with newline framing. */
export const UNKNOWN = 'unknown';

/** An id as text: `1` and `"1"` differ. */
export const idText = (id: unknown, framing: Framing): string =>
  id === null || (id === -1 && framing === 'newline') ? UNKNOWN : JSON.stringify(id);

/** The answers that `docs/protocol.md` requires for a step of complete frames. */
export const answersToStep = (step: Step, framing: Framing): ExpectedAnswers[] => {
  if ('message' in step) return [answersToBody(Buffer.from(JSON.stringify(step.message)), framing)];
  if (!('body' in step)) return [];
  const body = Buffer.from(step.body, 'base64');
  if (framing !== 'newline') return [answersToBody(body, framing)];
  const lines = body.toString('latin1').split('\n');
  return lines
    .filter(line => /[^ \t\r]/.test(line))
    .map(line => answersToBody(Buffer.from(line, 'latin1'), framing));
};

const answersToBody = (body: Buffer, framing: Framing): ExpectedAnswers => {
  const parsed = parse(body);
  if (parsed === undefined) return REFUSED;
  const { json } = parsed;
  // A message that may exceed a limit is answered, possibly before its id is parsed.
  const large = body.length > LARGE_BYTES || isIntricate(body);
  if (!Array.isArray(json)) return { batch: false, answers: answersToMessage(json, framing, large) };
  if (json.length === 0 || json.length > MAX_BATCH) return REFUSED;
  return {
    batch: true,
    answers: json.flatMap(entry => answersToMessage(entry, framing, false)),
    refusable: large,
  };
};

const parse = (body: Buffer): { readonly json: unknown } | undefined => {
  try {
    return { json: JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)) };
  } catch {
    return undefined;
  }
};

const LARGE_BYTES = 500_000;
const MANY_VALUES = 10_000;
const LARGE_DEPTH = 60;
const MAX_BATCH = 128;
const REFUSED: ExpectedAnswers = { batch: false, answers: [{ ids: [UNKNOWN] }] };

const isIntricate = (body: Buffer): boolean => {
  let [values, deepest, depth] = [0, 0, 0];
  for (const byte of body) {
    if (byte === 0x5b || byte === 0x7b) depth += 1;
    else if (byte === 0x5d || byte === 0x7d) depth -= 1;
    else if (byte === 0x2c) values += 1;
    deepest = Math.max(deepest, depth);
  }
  return deepest > LARGE_DEPTH || values > MANY_VALUES;
};

const answersToMessage = (json: unknown, framing: Framing, large: boolean): ExpectedAnswer[] => {
  const message = asObject(json);
  if (message === undefined) return [{ ids: [UNKNOWN] }];
  const { id, method, result, error } = message;
  const isAnswer = method === undefined && (result !== undefined || error !== undefined);
  if (isAnswer && (isId(id) || id === null)) return [];
  if (typeof method === 'string' && id === undefined) return [];
  const known = isId(id) ? [idText(id, framing)] : [];
  const ids = known.length === 0 || large ? [...known, UNKNOWN] : known;
  return [{ ids, ...(typeof method === 'string' && isId(id) && { method }) }];
};

const MAX_ID_BYTES = 4096;

const isId = (id: unknown): boolean =>
  (typeof id === 'string' && Buffer.byteLength(id) <= MAX_ID_BYTES) ||
  (typeof id === 'number' && Math.abs(id) <= Number.MAX_SAFE_INTEGER);
