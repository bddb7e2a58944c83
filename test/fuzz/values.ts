import fc from 'fast-check';

/** The part of JSON Schema in the output of `z.toJSONSchema` for params of requests. */
export type Schema = {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
};

/** Values for fields by name, for fields of which few values in the schema are meaningful. */
export type Pools = Readonly<Record<string, fc.Arbitrary<unknown>>>;

/**
 * Values that match a schema, mostly: text that a schema cannot describe, such as a path, comes from the pool of its
 * field.
 */
export const matching = (schema: Schema, pools: Pools, field = ''): fc.Arbitrary<unknown> => {
  const pool = pools[field];
  if (pool !== undefined) return pool;
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants !== undefined) return fc.oneof(...variants.map(variant => matching(variant, pools, field)));
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? []);
  if (types.length === 0) return oddValue;
  return fc.oneof(...types.map(type => ofType(type, schema, pools, field)));
};

const ofType = (type: string, schema: Schema, pools: Pools, field: string): fc.Arbitrary<unknown> => {
  switch (type) {
    case 'object':
      return object(schema, pools);
    case 'array':
      return fc.array(matching(schema.items ?? {}, pools, field), {
        minLength: schema.minItems ?? 0,
        maxLength: 4,
      });
    case 'string':
      return oddText.filter(
        ({ length }) => length >= (schema.minLength ?? 0) && length <= (schema.maxLength ?? length),
      );
    case 'integer':
    case 'number':
      return number(schema);
    case 'boolean':
      return fc.boolean();
    default:
      return fc.constant(null);
  }
};

const object = (schema: Schema, pools: Pools): fc.Arbitrary<unknown> => {
  const { properties = {}, required = [], additionalProperties } = schema;
  const members = Object.entries(properties).map(([name, value]) =>
    required.includes(name)
      ? matching(value, pools, name).map(drawn => [[name, drawn] as const])
      : fc.oneof(
          { weight: ABSENT[name] ?? 2, arbitrary: fc.constant([]) },
          { weight: 1, arbitrary: matching(value, pools, name).map(drawn => [[name, drawn] as const]) },
        ),
  );
  const more =
    typeof additionalProperties === 'object'
      ? fc.array(fc.tuple(oddName, matching(additionalProperties, pools)), { maxLength: 4 })
      : fc.constant([]);
  return fc
    .tuple(fc.tuple(...members), more)
    .map(([fields, entries]) => Object.fromEntries([...fields.flat(), ...entries]));
};

// Rare: most requests with these fields are refused or take long.
const ABSENT: Readonly<Record<string, number>> = {
  sandbox: 25,
  followSymlinks: 3,
  valueEnvVar: 6,
  managedNetwork: 25,
  networkProxy: 25,
  credentialProviders: 25,
  enforceManagedNetwork: 12,
  resumeSessionId: 12,
  arg0: 12,
  size: 6,
  mergeStderr: 6,
  maxOutputBytes: 8,
  pipeStdin: 1,
};

const number = ({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Schema): fc.Arbitrary<number> => {
  const near = [minimum, minimum + 1, minimum + 50, minimum + 1000, maximum - 1, maximum];
  return fc.constantFrom(...near.filter(value => value >= minimum && value <= maximum));
};

/** Names with a special meaning somewhere, or invalid ones. */
export const oddName = fc.constantFrom(
  ...['A', 'A', 'PATH', 'HOME', 'LANG', 'LC_ALL', 'SHELL', 'TMPDIR', 'FZ_KEY', 'fz', 'é', '', '=', 'A=B'],
  ...['__proto__', 'constructor', 'toString', 'length', '\0', '\ud800', '-', ' ', '\n', 'x'.repeat(5000)],
);

/** Text at a limit or with a special meaning. */
export const oddText: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.constantFrom(
      ...[
        '',
        'a',
        'x',
        '0',
        '-1',
        '1e9',
        'NaN',
        'null',
        'true',
        ' ',
        '\n',
        '\r\n',
        '\t',
        '=',
        '/',
        '.',
        '..',
      ],
      ...['\0', 'a\0b', '\ud800', 'a\udfff', '\u202e', '\ufeff', '\u001b[31m', '\u009b', 'é', '日本', '😀'],
      ...['__proto__', 'constructor', 'file:', 'file://', 'file:///%00', 'file:///%ff', 'file:///a%2fb'],
      ...[
        'file://host/a',
        'file:///fuzz/work/%E9',
        '*',
        '?',
        '[',
        '\\',
        '"',
        "'",
        '$(fz)',
        '%',
        '%s',
        '-',
        '~',
      ],
      ...['YQ==', 'YQ', '====', 'YQ=*', 'ŁQ==', '*'.repeat(60), `${'a*'.repeat(30)}b`],
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(32, 33, 255, 256, 257, 1024, 1025, 4096, 4097)
      .map(length => 'x'.repeat(length)),
  },
  { weight: 1, arbitrary: fc.constantFrom('a/', 'é', '\u0001').map(part => part.repeat(4097)) },
  { weight: 2, arbitrary: fc.string({ maxLength: 12, unit: 'binary' }) },
);

const oddNumber = fc.constantFrom(
  ...[0, -0, -1, 1, 2, 0.5, -0.5, 1e-7, 127, 128, 255, 256, 65_535, 65_536, 1_048_576, 1_048_577],
  ...[2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 1e21, 1e308],
);

const nested = (depth: number): unknown => (depth === 0 ? [] : { a: [nested(depth - 1)] });

/** Any JSON value, preferably an unexpected one. */
export const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: oddText },
  { weight: 3, arbitrary: oddNumber },
  {
    weight: 3,
    arbitrary: fc.constantFrom<unknown>(
      ...[null, true, false, {}, [], [[]], [null], { a: 1 }, { length: 1 }, { 0: 'a', length: 1 }],
      ...[JSON.parse('{"__proto__":{"a":1}}'), { toJSON: 1 }, { type: 'Buffer', data: [1] }],
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom(5, 20).map(nested) },
  { weight: 1, arbitrary: fc.constantFrom(100, 3000).map(length => Array<unknown>(length).fill('')) },
);

/** Replaces, removes or adds one member of a value. */
export const mutated = (whole: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc
    .tuple(
      whole,
      fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
      fc.constantFrom('replace', 'replace', 'remove', 'add'),
      oddValue,
      oddName,
    )
    .map(([value, path, how, other, name]) => changeAt(value, path, how, other, name));

const changeAt = (
  value: unknown,
  [turn, ...rest]: readonly number[],
  how: string,
  other: unknown,
  name: string,
): unknown => {
  if (turn === undefined || typeof value !== 'object' || value === null) return other;
  const entries: Array<[string, unknown]> = Object.entries(value);
  if (how === 'add' || entries.length === 0) entries.push([name, other]);
  else {
    const at = turn % entries.length;
    const [key, member] = entries[at] ?? [name, other];
    if (how === 'remove') entries.splice(at, 1);
    else entries[at] = [key, changeAt(member, rest, how, other, name)];
  }
  return Array.isArray(value) ? entries.map(([, member]) => member) : Object.fromEntries(entries);
};
