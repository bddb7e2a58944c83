import type * as z from 'zod/mini';

/** A check that text has no more than `max` bytes as UTF-8. */
export const atMostBytes =
  (max: number): z.core.CheckFn<string> =>
  ({ value, issues }) => {
    if (!exceedsBytes(value, max)) return;
    const message = `expected at most ${max} bytes, received ${Buffer.byteLength(value)}`;
    issues.push({ code: 'custom', message, input: undefined });
  };

/** Returns true if text has more than `max` bytes as UTF-8. Short text is not counted. */
export const exceedsBytes = (text: string, max: number): boolean =>
  text.length * MAX_UNIT_BYTES > max && Buffer.byteLength(text) > max;

/** The most bytes that one UTF-16 code unit takes. */
const MAX_UNIT_BYTES = 3;
