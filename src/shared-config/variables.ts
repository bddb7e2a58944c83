import * as z from 'zod/mini';
import { MAX_VARIABLES } from './limits.ts';

/**
 * A schema for variables by name. Refuses a name that no environment can hold (empty, with `=` or NUL), a
 * `__proto__`, which would be lost on the way, and more than `MAX_VARIABLES` entries. The issue's path ends
 * at the first `=` of a bad name: what follows is most likely a value.
 */
export const variables = <Value extends z.ZodMiniType<string | null>>(
  value: Value,
  valueType: string | string[],
) => z.pipe(namedWell<z.input<Value>>(valueType), z.record(z.string(), value));

/** A variable's value, which the operating system takes as text up to the first NUL. */
export const VariableValue = z
  .string()
  .check(z.refine(value => !value.includes('\0'), 'a variable value may not contain NUL'));

// The checks come before the record: z.record skips a `__proto__` without a word, and it would report a
// wrong value under the whole of a bad name.
const namedWell = <Value>(valueType: string | string[]) =>
  z.unknown().check(
    ({ value, issues }) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
      const names = Object.keys(value);
      if (names.length > MAX_VARIABLES) {
        const message = `expected at most ${MAX_VARIABLES} variables, received ${names.length}`;
        issues.push({ code: 'custom', message, input: undefined });
        return;
      }
      for (const name of names) {
        const message = nameProblem(name);
        if (message) issues.push({ code: 'custom', message, path: [printable(name)], input: undefined });
      }
    },
    // An unknown has no JSON schema of its own, and this is the side that senders see.
    z.meta({ type: 'object', additionalProperties: { type: valueType } }),
  ) as z.ZodMiniType<unknown, Readonly<Record<string, Value>>>;

const nameProblem = (name: string): string | undefined => {
  if (name === '') return 'a variable name may not be empty';
  if (name === '__proto__') return 'a variable may not be named __proto__';
  if (name.includes('=')) return 'a variable name may not contain "="';
  if (name.includes('\0')) return 'a variable name may not contain NUL';
  return undefined;
};

const printable = (name: string): string => name.replace(/[=\0].*/s, '');
