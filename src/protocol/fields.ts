import * as z from 'zod/mini';
import { atMostBytes } from '../shared-config/index.ts';
import { MAX_ID_BYTES, MAX_PATH_LENGTH } from './limits.ts';

/** A field that may be absent or `null`; both arrive as `undefined`. */
export const maybe = <Schema extends z.ZodMiniType>(schema: Schema) =>
  z.pipe(
    z.optional(z.nullable(schema)),
    z.transform(
      (value: z.output<Schema> | null | undefined): z.output<Schema> | undefined => value ?? undefined,
    ),
  );

/** A field that may be absent or `null`; both arrive as `fallback`. */
export const withDefault = <Schema extends z.ZodMiniType>(schema: Schema, fallback: z.output<Schema>) => {
  const field = z.pipe(
    z.optional(z.nullable(schema)),
    z.transform((value: z.output<Schema> | null | undefined): z.output<Schema> => value ?? fallback),
  );
  // For the JSON schema, under another key: zod drops the `default` of a transformed field.
  z.globalRegistry.add(field, { whenAbsent: fallback });
  return field;
};

/** An object with a value for each name. `z.record` drops the name `__proto__`. */
export const byName = <Value extends z.ZodMiniType>(value: Value, meaning: string) => {
  const object = z.custom<Readonly<Record<string, z.input<Value>>>>(isObject, 'expected an object');
  z.globalRegistry.add(object, { type: 'object', description: meaning });
  valuesByName.set(object, value);
  return z.pipe(
    object,
    z.transform((input: Readonly<Record<string, z.input<Value>>>, { issues }) =>
      Object.fromEntries(
        Object.entries(input).map(([name, unchecked]): [string, z.output<Value>] => {
          const { data, error } = value.safeParse(unchecked);
          for (const issue of error?.issues ?? [])
            issues.push({
              code: 'custom',
              path: [name, ...issue.path],
              message: issue.message,
              input: undefined,
            });
          return [name, data as z.output<Value>];
        }),
      ),
    ),
  );
};

/** The schemas of the values of these objects, for the JSON schema. */
export const valuesByName = new WeakMap<object, z.ZodMiniType>();

const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A boolean that is `false` unless sent. */
export const flag = (meaning: string) => withDefault(z.boolean().check(z.describe(meaning)), false);

/** A string that the operating system gets unchanged as a C string in UTF-8: no NUL, no unpaired surrogate. */
export const cString = () =>
  z.string().check(
    z.refine(text => !text.includes('\0'), 'may not contain NUL'),
    // It would be encoded as U+FFFD, another text.
    z.refine(text => text.isWellFormed(), 'expected well-formed Unicode, received an unpaired surrogate'),
  );

/** The path of a file or the name of a program. */
export const pathText = () => cString().check(z.maxLength(MAX_PATH_LENGTH));

/** An id that a client chooses: any text. */
export const clientId = (meaning: string) => z.string().check(atMostBytes(MAX_ID_BYTES), z.describe(meaning));

/** The client's id of a process, unique among its processes that are not closed; not a pid. */
export const ProcessId = clientId("The client's id of the process: any text of up to 4,096 bytes.");

/** A time in milliseconds, of any length. */
export const milliseconds = (meaning: string) => z.int().check(z.nonnegative(), z.describe(meaning));

/**
 * Bytes as base64 (RFC 4648, padded). Any other text is refused: `Buffer.from` would decode a part of it, and treat a
 * character such as `Ł` as the character of its low byte.
 */
export const Bytes = z.pipe(
  z.string().check(z.describe('Bytes as base64 with padding.')),
  z.transform((text: string, context): Buffer => bytesOf(text, context)),
);

/**
 * The bytes of a message; params or a result have at most one such field. In a program they are a `Uint8Array`, on the
 * wire base64 or, if both sides agreed, a binary frame.
 */
export const CarriedBytes = z.pipe(
  bytesOrText(),
  z.transform((value: string | Uint8Array, context): Buffer => {
    if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    if (typeof value === 'string') return bytesOf(value, context);
    context.issues.push({ code: 'invalid_type', expected: 'string', input: undefined });
    return z.NEVER;
  }),
);

/** Accepts anything; the JSON schema shows the form on the wire. */
function bytesOrText() {
  const field = z.custom<string | Uint8Array>();
  z.globalRegistry.add(field, { type: 'string', description: 'Bytes as base64 with padding.' });
  return field;
}

const bytesOf = (text: string, context: z.core.ParsePayload): Buffer => {
  const bytes = decodeBase64(text);
  if (bytes !== undefined) return bytes;
  context.issues.push({ code: 'custom', message: 'expected base64 with padding', input: undefined });
  return z.NEVER;
};

/** Decodes base64 with padding; returns `undefined` for any other text. */
export const decodeBase64 = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === decodedLength(text) && hasNoForeignCharacter(text) ? bytes : undefined;
};

/** The number of bytes of a base64 text with padding; negative if the length is not possible. */
export const decodedLength = (text: string): number => {
  if (text.length % 4 !== 0) return -1;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return (text.length / 4) * 3 - padding;
};

// `Buffer.from` also decodes the URL alphabet; any other character makes the result shorter.
const hasNoForeignCharacter = (text: string): boolean =>
  !text.includes('-') && !text.includes('_') && Buffer.byteLength(text) === text.length;
