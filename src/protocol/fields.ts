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
  // For the reference page, under a name of its own: a `default` is not told of a field that is transformed.
  z.globalRegistry.add(field, { whenAbsent: fallback });
  return field;
};

/** An object with a value for each name. `z.record` would leave out the name `__proto__`. */
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

/** The schemas of values of such objects, for the reference page. */
export const valuesByName = new WeakMap<object, z.ZodMiniType>();

const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A boolean that is `false` unless sent. */
export const flag = (meaning: string) => withDefault(z.boolean().check(z.describe(meaning)), false);

/** Text that the operating system takes as a C string: no NUL inside. */
export const cString = () => z.string().check(z.refine(text => !text.includes('\0'), 'may not contain NUL'));

/** The path of a file or the name of a program. */
export const pathText = () => cString().check(z.maxLength(MAX_PATH_LENGTH));

/** A name that a client chooses for something: any text. */
export const clientId = (meaning: string) => z.string().check(atMostBytes(MAX_ID_BYTES), z.describe(meaning));

/** The client's own name for a process, unique among its live ones; not a pid. */
export const ProcessId = clientId("The client's own name for the process: any text of up to 4,096 bytes.");

/** A time in milliseconds. Any number is a time, however long. */
export const milliseconds = (meaning: string) => z.int().check(z.nonnegative(), z.describe(meaning));

/**
 * Bytes as base64 (RFC 4648, padded). Any other text is refused: `Buffer.from` would decode it in part, and
 * take a character such as `Ł` for the one that its low byte is.
 */
export const Bytes = z.pipe(
  z.string().check(z.describe('Bytes as base64 with padding.')),
  z.transform((text: string, context): Buffer => bytesOf(text, context)),
);

/**
 * The bytes that a message carries, of which params or a result hold one at most: in a program the bytes themselves, on
 * the wire base64 or, where both sides agreed to it, a binary frame.
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

/** Looks at nothing itself. For the reference page it is what goes over the wire. */
function bytesOrText() {
  const field = z.custom<string | Uint8Array>();
  z.globalRegistry.add(field, { type: 'string', description: 'Bytes as base64 with padding.' });
  return field;
}

const bytesOf = (text: string, context: z.core.ParsePayload): Buffer => {
  const bytes = decodeBase64(text);
  if (bytes !== undefined) return bytes;
  context.issues.push({ code: 'custom', message: 'must be base64 with padding', input: undefined });
  return z.NEVER;
};

/** The bytes that base64 with padding stands for; `undefined` for any other text. */
export const decodeBase64 = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === decodedLength(text) && hasNoForeignCharacter(text) ? bytes : undefined;
};

/** How many bytes base64 with padding stands for; less than none for text that is too short or too long to be that. */
export const decodedLength = (text: string): number => {
  if (text.length % 4 !== 0) return -1;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return (text.length / 4) * 3 - padding;
};

// What `Buffer.from` decodes though it is not in the alphabet: anything else makes the result shorter.
const hasNoForeignCharacter = (text: string): boolean =>
  !text.includes('-') && !text.includes('_') && Buffer.byteLength(text) === text.length;
