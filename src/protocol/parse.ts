import type * as z from 'zod/mini';
import { type ExecServerError, invalidParams } from './errors.ts';

/**
 * Checks what came against a schema.
 *
 * @throws {ExecServerError} `invalidParams`, naming the field, what was expected and the type of what
 * came. A value is never repeated: it may be an environment variable's.
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

const explain = (issue: z.core.$ZodIssue, value: unknown, root: string): ExecServerError => {
  const field = fieldName(issue.path, root);
  return invalidParams(field, problem(issue, valueAt(value, issue.path)));
};

const fieldName = (path: readonly PropertyKey[], root: string): string => {
  if (path.length === 0) return root;
  return path.map((key, depth) => step(key, depth)).join('');
};

const step = (key: PropertyKey, depth: number): string => {
  if (typeof key === 'number') return `[${key}]`;
  return depth === 0 ? String(key) : `.${String(key)}`;
};

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (at, key) =>
      typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );

const problem = (issue: z.core.$ZodIssue, received: unknown): string => {
  const came = typeName(received);
  switch (issue.code) {
    case 'invalid_type':
      return came === 'nothing'
        ? `expected ${issue.expected}, but it is missing`
        : `expected ${issue.expected}, received ${came}`;
    case 'invalid_value':
      return `expected one of ${issue.values.map(value => JSON.stringify(value)).join(', ')}, received ${came === 'string' ? 'another string' : came}`;
    case 'too_small':
      return `expected at least ${count(issue.minimum, received)}, received ${sizeOf(received, 'smaller')}`;
    case 'too_big':
      return `expected at most ${count(issue.maximum, received)}, received ${sizeOf(received, 'larger')}`;
    case 'invalid_union':
      return `no accepted shape, received ${came}`;
    case 'unrecognized_keys':
      return `there is no ${issue.keys.map(key => JSON.stringify(key)).join(', ')}`;
    case 'invalid_key':
      return issue.issues[0]?.message ?? 'this name is not allowed';
    default:
      return issue.message;
  }
};

const count = (bound: number | bigint, received: unknown): string => {
  if (typeof received === 'string') return `${bound} ${bound === 1 ? 'character' : 'characters'}`;
  return Array.isArray(received) ? `${bound} ${bound === 1 ? 'entry' : 'entries'}` : String(bound);
};

const sizeOf = (received: unknown, than: 'smaller' | 'larger'): string => {
  if (typeof received === 'string') return `a string of ${received.length}`;
  return Array.isArray(received) ? `an array of ${received.length}` : `a ${than} ${typeName(received)}`;
};

const typeName = (value: unknown): string => {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'number' && !Number.isFinite(value)) return 'a number that is not finite';
  return Array.isArray(value) ? 'array' : typeof value;
};
