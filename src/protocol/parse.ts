import type * as z from 'zod/mini';
import { describeIssue, type TypeWords } from '../shared-config/index.ts';
import { type ExecServerError, invalidParams } from './errors.ts';

/**
 * Checks a received value against a schema.
 *
 * @param root the name of the value itself in errors
 * @throws {ExecServerError} `invalidParams` with the field, the expected and the received type. It never contains the
 *   value, which may be that of an environment variable.
 */
export const parse = <Schema extends z.ZodMiniType>(
  schema: Schema,
  value: unknown,
  root = 'params',
): z.output<Schema> => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw explain(result.error.issues[0] as z.core.$ZodIssue, value, root);
};

const explain = (issue: z.core.$ZodIssue, value: unknown, root: string): ExecServerError =>
  invalidParams(fieldName(issue.path, root), describeIssue(issue, value, JSON_WORDS));

const fieldName = (path: readonly PropertyKey[], root: string): string => {
  if (path.length === 0) return root;
  return path.map((key, depth) => step(key, depth)).join('');
};

const step = (key: PropertyKey, depth: number): string => {
  if (typeof key === 'number') return `[${key}]`;
  const name = shortened(String(key));
  return depth === 0 ? name : `.${name}`;
};

// The peer chooses the keys of a record.
const shortened = (key: string): string =>
  key.length > MAX_KEY_LENGTH ? `${key.slice(0, MAX_KEY_LENGTH)}…` : key;

const MAX_KEY_LENGTH = 256;

const JSON_WORDS: TypeWords = {
  expected: ({ expected }) => expected,
  received: value => {
    if (value === undefined) return undefined;
    if (value === null) return 'null';
    if (typeof value === 'number' && !Number.isFinite(value)) return 'a number that is not finite';
    return Array.isArray(value) ? 'array' : typeof value;
  },
};
