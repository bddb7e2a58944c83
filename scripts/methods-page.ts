// Writes docs/methods.md and docs/schema.json: the reference of all messages, for people and for generators of code, from
// their declarations in src/protocol.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NotificationSpec, RequestSpec } from '../src/protocol/define.ts';
import {
  type JsonSchema,
  protocolSchema,
  SHARED_TYPES,
  schemaText,
  typeName,
} from '../src/protocol/json-schema.ts';
import { clientNotifications, requests, serverNotifications } from '../src/protocol/messages.ts';

/** The command that writes both. */
export const COMMAND = 'npx tsx scripts/methods-page.ts';

/** The path of the page. */
export const PAGE = join(import.meta.dirname, '../docs/methods.md');

/** The path of the JSON schema. */
export const SCHEMA = join(import.meta.dirname, '../docs/schema.json');

/** Generates the page. */
export const methodsPage = (): string =>
  [
    '# Methods\n',
    `<!-- Written by \`${COMMAND}\` from the declarations in src/protocol. Don't edit it here. -->\n`,
    'Every message that goes over the wire. How messages are framed and in which order they come is in',
    '[protocol.md](protocol.md), what can go wrong in [errors.md](errors.md), and how `env` and `envPolicy` make',
    'an environment in [environment.md](environment.md).\n',
    'A field that is not required may be absent or `null`, which is the same. Fields that are not listed are',
    'ignored. A required field is `null` only where its type says so. Lengths of text are counted in UTF-16 code',
    'units. In the name of a field `[]` is each entry of an array, `*` each name of an object.\n',
    '[schema.json](schema.json) has the same as a JSON Schema (draft 2020-12), for generators of code: `$defs` has',
    'the params, the result and the whole message of every method by name, such as `ProcessStartParams`,',
    '`ProcessStartResult`, `ProcessStartRequest` and `ProcessOutputNotification`; `Requests`, params and result by',
    'method; `ClientMessage` and `ServerMessage`, every message of one side; and `ErrorObject`, every error with',
    'its `data`. `exec-server schema` prints it, and the package exports it as `exec-server/schema.json`.\n',
    index('Requests of the client', requests),
    index('Notifications of the client', clientNotifications),
    index('Notifications of the server', serverNotifications),
    `- Types: ${sharedTypes.map(typeLink).join(', ')}`,
    ...Object.values(requests).map(requestSection),
    ...Object.values(clientNotifications).map(spec => notificationSection(spec, 'client to server')),
    ...Object.values(serverNotifications).map(spec => notificationSection(spec, 'server to client')),
    ...sharedTypes.map(typeSection),
    '',
  ].join('\n');

const index = (title: string, specs: Readonly<Record<string, NotificationSpec>>): string =>
  `- ${title}: ${Object.values(specs)
    .map(({ method }) => `[\`${method}\`](#${method.toLowerCase().replaceAll('/', '')})`)
    .join(', ')}`;

const requestSection = (spec: RequestSpec): string =>
  [
    ...heading(spec, 'Request, client to server.'),
    table('Params', `${typeName(spec.method)}Params`),
    '',
    table('Result', `${typeName(spec.method)}Result`),
  ].join('\n');

const notificationSection = (spec: NotificationSpec, direction: string): string =>
  [...heading(spec, `Notification, ${direction}.`), table('Params', `${typeName(spec.method)}Params`)].join(
    '\n',
  );

const typeSection = (name: string): string =>
  [`\n## Type \`${name}\`\n`, ...descriptionOf(document.$defs[name]), table('Fields', name)].join('\n');

const descriptionOf = ({ description }: JsonSchema = {}): string[] =>
  description === undefined ? [] : [`${description}\n`];

const typeLink = (name: string): string => `[\`${name}\`](#type-${name.toLowerCase()})`;

const heading = ({ method, doc }: NotificationSpec, kind: string): string[] => [
  `\n## ${method}\n`,
  `_${kind}_ ${doc}\n`,
];

const document = protocolSchema();

/** The types with a section of their own: objects that a message refers to. */
const sharedTypes: readonly string[] = SHARED_TYPES.filter(name => {
  const { properties, oneOf } = document.$defs[name] ?? {};
  return properties !== undefined || oneOf !== undefined;
});

const sectionOf = ({ $ref = '' }: JsonSchema): string | undefined =>
  sharedTypes.find(name => $ref === `#/$defs/${name}`);

const table = (title: string, name: string): string => {
  const section = sectionOf(document.$defs[name] ?? {});
  if (section !== undefined) return `${title}: ${typeLink(section)}`;
  const fields = rows(resolved(document.$defs[name] ?? {}), '');
  if (fields.length === 0) return `${title}: \`{}\``;
  return `${title}:\n\n${aligned([['field', 'type', 'required', 'meaning'], ...fields])}`;
};

/** Replaces a reference by the type that it names. */
const resolved = ({ $ref, ...schema }: JsonSchema): JsonSchema =>
  $ref === undefined
    ? schema
    : { ...resolved(document.$defs[$ref.replace('#/$defs/', '')] ?? {}), ...schema };

/** Returns a Markdown table, padded like Biome does, which checks this page as well. */
const aligned = ([head = [], ...body]: readonly string[][]): string => {
  const widths = head.map((_, column) => Math.max(...[head, ...body].map(row => row[column]?.length ?? 0)));
  const rule = widths.map(width => '-'.repeat(width));
  return [head, rule, ...body]
    .map(row => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`)
    .join('\n');
};

const rows = (schema: JsonSchema, prefix: string): string[][] =>
  schema.anyOf || schema.oneOf
    ? variantRows(variantsOf(schema), prefix)
    : Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
        fieldRows(property, `${prefix}${name}`, schema.required?.includes(name) ? 'yes' : undefined),
      );

const fieldRows = (
  property: JsonSchema,
  path: string,
  required = whenAbsent(property.default),
): string[][] => {
  const { type, isNullable } = withoutNull(property);
  const field = resolved(type);
  const text = `${typeText(type)}${isNullable && required === 'yes' ? ' or `null`' : ''}`;
  const meaning = property.description ?? field.description ?? '';
  return [
    [`\`${path}\``, text, required, meaning.replaceAll('|', '\\|')],
    ...(sectionOf(type) === undefined ? innerRows(field, path) : []),
  ];
};

const innerRows = (field: JsonSchema, path: string): string[][] => {
  if (field.items)
    return sectionOf(field.items) === undefined ? rows(resolved(field.items), `${path}[].`) : [];
  const { additionalProperties: byName } = field;
  return byName && !field.properties ? rows(resolved(byName), `${path}.*.`) : rows(field, `${path}.`);
};

/** The rows of an object with variants: the field that has a constant in each variant, and the fields of some of them. */
const variantRows = (variants: readonly JsonSchema[], prefix: string): string[][] => {
  const tag = tagOf(variants);
  if (tag === undefined) return [];
  const valueIn = ({ properties }: JsonSchema) => `\`${properties?.[tag]?.const}\``;
  const names = new Set(variants.flatMap(({ properties = {} }) => Object.keys(properties)));
  names.delete(tag);
  return [
    [`\`${prefix}${tag}\``, variants.map(valueIn).join(', '), 'yes', 'The variant.'],
    ...[...names].flatMap(name => {
      const having = variants.filter(({ properties }) => properties?.[name] !== undefined);
      const when = `with ${having.map(valueIn).join(' or ')}`;
      const isRequired = having.some(({ required }) => required?.includes(name));
      const property = having[0]?.properties?.[name] ?? {};
      return fieldRows(property, `${prefix}${name}`, isRequired ? when : `no, only ${when}`);
    }),
  ];
};

const variantsOf = ({ anyOf, oneOf = anyOf ?? [] }: JsonSchema): JsonSchema[] => oneOf.map(resolved);

const tagOf = ([first, ...others]: readonly JsonSchema[]): string | undefined =>
  Object.keys(first?.properties ?? {}).find(name =>
    [first, ...others].every(variant => variant?.properties?.[name]?.const !== undefined),
  );

const whenAbsent = (value: unknown): string =>
  value === undefined ? 'no' : `no, then \`${typeof value === 'string' ? value : JSON.stringify(value)}\``;

/** The type without its alternative `null`. */
const withoutNull = (schema: JsonSchema): { type: JsonSchema; isNullable: boolean } => {
  if (typeof schema.type === 'object') {
    const [type, ...others] = schema.type.filter(name => name !== 'null');
    if (type !== undefined && others.length === 0) return { type: { ...schema, type }, isNullable: true };
  }
  const others = schema.anyOf?.filter(({ type }) => type !== 'null') ?? [];
  const [only] = others;
  return others.length === 1 && only !== undefined
    ? { type: only, isNullable: true }
    : { type: schema, isNullable: false };
};

const typeText = (type: JsonSchema): string => {
  const section = sectionOf(type);
  if (section !== undefined) return typeLink(section);
  const schema = resolved(type);
  if (schema.enum) return schema.enum.map(value => `\`${value}\``).join(', ');
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.anyOf || schema.oneOf) return 'object, in variants';
  switch (schema.type) {
    case undefined:
      return 'anything';
    case 'string':
      return `string${range(schema.minLength, schema.maxLength, 'characters')}`;
    case 'integer':
      return `integer${range(exact(schema.minimum), exact(schema.maximum))}`;
    case 'array':
      return `array${range(schema.minItems, schema.maxItems, 'entries')}, of: ${typeText(schema.items ?? {})}`;
    case 'object':
      return objectText(schema);
    default:
      return typeof schema.type === 'string' ? schema.type : schema.type.join(' or ');
  }
};

const objectText = ({ properties, additionalProperties: values }: JsonSchema): string => {
  if (properties || !values) return 'object';
  const { type, isNullable } = withoutNull(values);
  return `object, by name: ${typeText(type)}${isNullable ? ' or `null`' : ''}`;
};

/** Returns a bound unless it is that of every exact integer. */
const exact = (bound: number | undefined): number | undefined =>
  Math.abs(bound ?? 0) < Number.MAX_SAFE_INTEGER ? bound : undefined;

const range = (least: number | undefined, most: number | undefined, unit = ''): string => {
  if (least === undefined && most === undefined) return '';
  const bounds =
    most === undefined ? `${least} or more` : least === undefined ? `up to ${most}` : `${least} to ${most}`;
  return `, ${bounds} ${unit}`.trimEnd();
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(PAGE, methodsPage());
  writeFileSync(SCHEMA, schemaText());
}
