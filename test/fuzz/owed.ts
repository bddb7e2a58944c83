import { asObject } from './frames.ts';
import type { Framing, Step } from './script.ts';

/** An answer that a message must get: the ids that it may have, and the method that was called. */
export type Owed = { readonly ids: readonly string[]; readonly method?: string };

/** The answers that the messages in one body must get: one array with all of them for a batch. */
export type OwedByBody = {
  readonly batch: boolean;
  readonly answers: readonly Owed[];
  /** True if one error may come in place of them. */
  readonly refusable?: boolean;
};

/** The id of an answer to a message whose id is not known; among lines that is -1. */
export const UNKNOWN = 'unknown';

/** An id as text: `1` and `"1"` are two. */
export const idText = (id: unknown, framing: Framing): string =>
  id === null || (id === -1 && framing === 'newline') ? UNKNOWN : JSON.stringify(id);

/** Answers that `docs/protocol.md` demands for a step that is whole frames. */
export const owedByStep = (step: Step, framing: Framing): OwedByBody[] => {
  if ('message' in step) return [owedBy(Buffer.from(JSON.stringify(step.message)), framing)];
  if (!('body' in step)) return [];
  const body = Buffer.from(step.body, 'base64');
  if (framing !== 'newline') return [owedBy(body, framing)];
  const lines = body.toString('latin1').split('\n');
  return lines
    .filter(line => /[^ \t\r]/.test(line))
    .map(line => owedBy(Buffer.from(line, 'latin1'), framing));
};

const owedBy = (body: Buffer, framing: Framing): OwedByBody => {
  const parsed = parse(body);
  if (parsed === undefined) return REFUSED;
  const { json } = parsed;
  // A message that may be over a limit is answered, but maybe without a look at its id.
  const large = body.length > LARGE_BYTES || isIntricate(body);
  if (!Array.isArray(json)) return { batch: false, answers: owedByMessage(json, framing, large) };
  if (json.length === 0 || json.length > MAX_BATCH) return REFUSED;
  return {
    batch: true,
    answers: json.flatMap(entry => owedByMessage(entry, framing, false)),
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
const REFUSED: OwedByBody = { batch: false, answers: [{ ids: [UNKNOWN] }] };

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

const owedByMessage = (json: unknown, framing: Framing, large: boolean): Owed[] => {
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
