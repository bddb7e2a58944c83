import type * as z from 'zod/mini';

/** Names of types in the messages of one input format. */
export type TypeWords = {
  /** The type that a schema expects at the path of the issue. */
  expected(issue: z.core.$ZodIssueInvalidType): string;
  /** The type of a received value; `undefined` for a missing one. */
  received(value: unknown): string | undefined;
};

/**
 * Describes a schema issue: what was expected, and the type of what was received. A value is never repeated, since it
 * may be the value of an environment variable.
 *
 * @param root the value that was checked against the schema
 */
export const describeIssue = (issue: z.core.$ZodIssue, root: unknown, words: TypeWords): string => {
  const value = valueAt(root, issue.path);
  const type = words.received(value) ?? 'nothing';
  switch (issue.code) {
    case 'invalid_type':
      return value === undefined
        ? `expected ${words.expected(issue)}, but it is missing`
        : `expected ${words.expected(issue)}, received ${type}`;
    case 'invalid_value':
      return `expected one of ${issue.values.map(choice => JSON.stringify(choice)).join(', ')}, received ${typeof value === 'string' ? 'another string' : type}`;
    case 'too_small':
      return `expected at least ${count(issue.minimum, value)}, received ${sizeOf(value, 'smaller', type)}`;
    case 'too_big':
      return `expected at most ${count(issue.maximum, value)}, received ${sizeOf(value, 'larger', type)}`;
    case 'invalid_union':
      return `no accepted shape, received ${type}`;
    case 'unrecognized_keys':
      return `unknown ${issue.keys.length === 1 ? 'field' : 'fields'} ${issue.keys.map(key => JSON.stringify(key)).join(', ')}`;
    case 'invalid_key':
      return issue.issues[0]?.message ?? 'this name is not allowed';
    default:
      return issue.message;
  }
};

/** The value at a path inside another value; `undefined` where the path leads nowhere. */
const valueAt = (root: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (at, key) =>
      typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined,
    root,
  );

const count = (bound: number | bigint, received: unknown): string => {
  if (typeof received === 'string') return `${bound} ${bound === 1 ? 'character' : 'characters'}`;
  return Array.isArray(received) ? `${bound} ${bound === 1 ? 'entry' : 'entries'}` : String(bound);
};

const sizeOf = (received: unknown, than: 'smaller' | 'larger', type: string): string => {
  if (typeof received === 'string') return `a string of ${received.length}`;
  return Array.isArray(received) ? `an array of ${received.length}` : `a ${than} ${type}`;
};
