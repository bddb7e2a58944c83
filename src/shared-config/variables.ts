import * as z from 'zod/mini';
import { exceedsBytes } from './byte-limit.ts';
import { MAX_VARIABLE_BYTES, MAX_VARIABLES, MAX_VARIABLES_LENGTH } from './limits.ts';

/**
 * A schema for variables by name; a value is text or, with `nullable`, `null`. Refuses a name that no environment can
 * hold (empty, with `=` or NUL), a variable that no process can be given unchanged, and more variables or bytes than the limits.
 * The path of an issue ends at the first `=` of a bad name: what follows is most likely a value.
 *
 * The object is taken as it is: `z.record` would leave out a variable named `__proto__`.
 */
export const variables = <Nullable extends boolean>({ nullable }: { readonly nullable: Nullable }) =>
  z.unknown().check(
    ({ value: input, issues }) => {
      if (!isPlainObject(input)) {
        issues.push({ code: 'invalid_type', expected: 'record', input: undefined });
        return;
      }
      const entries = Object.entries(input);
      const problem = sizeProblem(entries);
      if (problem !== undefined) {
        issues.push({ code: 'custom', message: problem, input: undefined });
        return;
      }
      for (const [name, value] of entries) {
        const path = [printable(name)];
        const message = nameProblem(name) ?? valueProblem(name, value);
        if (message !== undefined) issues.push({ code: 'custom', message, path, input: undefined });
        else if (typeof value !== 'string' && !(nullable && value === null))
          issues.push({ code: 'invalid_type', expected: 'string', path, input: undefined });
      }
    },
    z.meta({ type: 'object', additionalProperties: { type: nullable ? ['string', 'null'] : 'string' } }),
  ) as z.ZodMiniType<Readonly<Record<string, Nullable extends true ? string | null : string>>>;

const isPlainObject = (input: unknown): input is object => {
  if (typeof input !== 'object' || input === null) return false;
  const prototype: unknown = Object.getPrototypeOf(input);
  return prototype === null || prototype === Object.prototype;
};

const sizeProblem = (entries: readonly (readonly [string, unknown])[]): string | undefined => {
  if (entries.length > MAX_VARIABLES)
    return `expected at most ${MAX_VARIABLES} variables, received ${entries.length}`;
  let length = 0;
  for (const [name, value] of entries) length += name.length + lengthOf(value);
  return length > MAX_VARIABLES_LENGTH
    ? `expected at most ${MAX_VARIABLES_LENGTH} characters in all, received ${length}`
    : undefined;
};

const lengthOf = (value: unknown): number => (typeof value === 'string' ? value.length : 0);

const nameProblem = (name: string): string | undefined => {
  if (name === '') return 'a variable name may not be empty';
  if (name.includes('=')) return 'a variable name may not contain "="';
  if (name.includes('\0')) return 'a variable name may not contain NUL';
  if (!name.isWellFormed()) return 'a variable name may not contain an unpaired surrogate';
  return undefined;
};

const valueProblem = (name: string, value: unknown): string | undefined => {
  if (typeof value !== 'string') return undefined;
  if (value.includes('\0')) return 'a variable value may not contain NUL';
  if (!value.isWellFormed()) return 'a variable value may not contain an unpaired surrogate';
  return exceedsBytes(name + value, MAX_VARIABLE_BYTES)
    ? `expected at most ${MAX_VARIABLE_BYTES} bytes of name and value together, received ${Buffer.byteLength(name + value)}`
    : undefined;
};

const printable = (name: string): string => name.replace(/[=\0].*/s, '');
