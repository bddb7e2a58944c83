/**
 * Tells how deeply arrays and objects are nested in JSON text, stopping at `limit + 1`. Strings are passed
 * over, so the cost is that of the structure alone. Text that isn't JSON gives any number.
 *
 * `JSON.parse` itself needs seconds and gigabytes for a body of nothing but brackets.
 */
export const nestingDepth = (body: Buffer, limit: number): number => {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (byte === QUOTE) {
      at = endOfString(body, at);
    } else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      depth += 1;
      if (depth > deepest) deepest = depth;
      if (deepest > limit) return deepest;
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
      depth -= 1;
    }
  }
  return deepest;
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const endOfString = (body: Buffer, start: number): number => {
  let end = start;
  do {
    end = body.indexOf(QUOTE, end + 1);
    if (end < 0) return body.length;
  } while (isEscaped(body, end, start));
  return end;
};

const isEscaped = (body: Buffer, quote: number, start: number): boolean => {
  let backslashes = 0;
  while (quote - 1 - backslashes > start && body[quote - 1 - backslashes] === BACKSLASH) backslashes += 1;
  return backslashes % 2 === 1;
};
