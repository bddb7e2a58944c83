// Writes docs/methods.md: the reference of all messages, from their declarations in src/protocol.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod/mini';
import type { NotificationSpec, RequestSpec } from '../src/protocol/define.ts';
import { valuesByName } from '../src/protocol/fields.ts';
import { clientNotifications, requests, serverNotifications } from '../src/protocol/messages.ts';

/** The command that writes the page. */
export const COMMAND = 'npx tsx scripts/methods-page.ts';

/** The path of the page. */
export const PAGE = join(import.meta.dirname, '../docs/methods.md');

/** Generates the page. */
export const methodsPage = (): string =>
  [
    '# Methods\n',
    `<!-- Written by \`${COMMAND}\` from the declarations in src/protocol. Don't edit it here. -->\n`,
    'Every message that goes over the wire. How messages are framed and in which order they come is in',
    '[protocol.md](protocol.md), what can go wrong in [errors.md](errors.md), and how `env` and `envPolicy` make',
    'an environment in [environment.md](environment.md).\n',
    'A field that is not required may be absent or `null`, which is the same. Fields that are not listed are',
    'ignored. Lengths of text are counted in UTF-16 code units. In the name of a field `[]` is each entry of an',
    'array, `*` each name of an object.\n',
    index('Requests of the client', requests),
    index('Notifications of the client', clientNotifications),
    index('Notifications of the server', serverNotifications),
    ...Object.values(requests).map(requestSection),
    ...Object.values(clientNotifications).map(spec => notificationSection(spec, 'client to server')),
    ...Object.values(serverNotifications).map(spec => notificationSection(spec, 'server to client')),
    '',
  ].join('\n');

const index = (title: string, specs: Readonly<Record<string, NotificationSpec>>): string =>
  `- ${title}: ${Object.values(specs)
    .map(({ method }) => `[\`${method}\`](#${method.toLowerCase().replaceAll('/', '')})`)
    .join(', ')}`;

const requestSection = (spec: RequestSpec): string =>
  [
    ...heading(spec, 'Request, client to server.'),
    table('Params', spec.params),
    '',
    table('Result', spec.result),
  ].join('\n');

const notificationSection = (spec: NotificationSpec, direction: string): string =>
  [...heading(spec, `Notification, ${direction}.`), table('Params', spec.params)].join('\n');

const heading = ({ method, doc }: NotificationSpec, kind: string): string[] => [
  `\n## ${method}\n`,
  `_${kind}_ ${doc}\n`,
];

/** The part of a JSON schema that is used here. */
type Schema = {
  readonly type?: string | readonly string[];
  readonly description?: string;
  /** See `withDefault` in src/protocol/fields.ts. */
  readonly whenAbsent?: unknown;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
};

const table = (title: string, type: z.ZodMiniType): string => {
  // Input types in both directions: the output of a transform is not on the wire.
  const schema = jsonSchema(type);
  const fields = rows(schema, '');
  if (fields.length === 0) return `${title}: \`{}\``;
  return `${title}:\n\n${aligned([['field', 'type', 'required', 'meaning'], ...fields])}`;
};

const jsonSchema = (type: z.ZodMiniType): Schema =>
  z.toJSONSchema(type, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: made }) => {
      const value = valuesByName.get(zodSchema);
      if (value !== undefined) Object.assign(made, { additionalProperties: jsonSchema(value) });
    },
  }) as Schema;

/** Returns a Markdown table, padded like Biome does, which checks this page as well. */
const aligned = ([head = [], ...body]: readonly string[][]): string => {
  const widths = head.map((_, column) => Math.max(...[head, ...body].map(row => row[column]?.length ?? 0)));
  const rule = widths.map(width => '-'.repeat(width));
  return [head, rule, ...body]
    .map(row => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`)
    .join('\n');
};

const rows = ({ properties = {}, required = [] }: Schema, prefix: string): string[][] =>
  Object.entries(properties).flatMap(([name, schema]) => {
    const field = { ...schema, ...withoutNull(schema) };
    const path = `${prefix}${name}`;
    const need = required.includes(name) ? 'yes' : whenAbsent(schema.whenAbsent);
    const meaning = schema.description ?? field.description ?? '';
    return [
      [`\`${path}\``, typeText(field), need, meaning.replaceAll('|', '\\|')],
      ...innerRows(field, path),
    ];
  });

const innerRows = (field: Schema, path: string): string[][] => {
  if (field.items) return rows(field.items, `${path}[].`);
  return field.additionalProperties
    ? rows(field.additionalProperties, `${path}.*.`)
    : rows(field, `${path}.`);
};

const whenAbsent = (value: unknown): string =>
  value === undefined ? 'no' : `no, then \`${typeof value === 'string' ? value : JSON.stringify(value)}\``;

/** The alternative that is not `null`, if there is exactly one. */
const withoutNull = (schema: Schema): Schema => {
  const others = schema.anyOf?.filter(({ type }) => type !== 'null');
  if (others?.length === 1) return others[0] as Schema;
  if (!Array.isArray(schema.type)) return schema;
  const types = schema.type.filter(type => type !== 'null');
  return { ...schema, type: types.length === 1 ? types[0] : types };
};

const typeText = (schema: Schema): string => {
  if (schema.enum) return schema.enum.map(value => `\`${value}\``).join(', ');
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
      return schema.additionalProperties
        ? `object, by name: ${typeText(schema.additionalProperties)}`
        : 'object';
    default:
      return typeof schema.type === 'string' ? schema.type : schema.type.join(' or ');
  }
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

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(PAGE, methodsPage());
