import * as z from 'zod/mini';
import { EnvBase, EnvOverlay, EnvPolicy } from '../shared-config/index.ts';
import type { NotificationSpec, RequestSpec } from './define.ts';
import { capabilities, EnvironmentInfo, explanation, ResolvedBase } from './environment.ts';
import { errorData } from './error-data.ts';
import { errorKinds } from './errors.ts';
import { valuesByName } from './fields.ts';
import { HttpHeader, RequestHeader } from './http.ts';
import { MAX_BATCH } from './limits.ts';
import { clientNotifications, requests, serverNotifications } from './messages.ts';
import { ExitReason, OsProcess, OutputStream, StreamBytes, TerminalSize } from './process.ts';
import {
  Sandbox,
  SandboxFileSystem,
  SandboxPath,
  SandboxPermissions,
  SandboxSpecialPath,
} from './sandbox.ts';

/** A JSON schema, with the keywords that are used here. */
export type JsonSchema = {
  readonly $schema?: string;
  readonly $ref?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema;
  readonly items?: JsonSchema;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
};

/** A JSON schema with definitions by name, which `$ref` refers to as `#/$defs/NAME`. */
export type SchemaDocument = JsonSchema & { readonly $defs: Readonly<Record<string, JsonSchema>> };

/**
 * Generates the JSON schema (draft 2020-12) of every message on the wire. It accepts everything that the server accepts;
 * a few limits that JSON Schema cannot express are in the descriptions only.
 */
export const protocolSchema = (): SchemaDocument => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'exec-server',
  description:
    'Every message of exec-server. A message in a binary frame has its `chunk` behind the JSON instead of as base64.',
  anyOf: [ref('ClientMessage'), ref('ServerMessage')],
  $defs: { ...messages(), ...errors(), ...types() },
});

/** The JSON schema as text: docs/schema.json. */
export const schemaText = (): string => `${JSON.stringify(protocolSchema(), undefined, 2)}\n`;

/** The beginning of the names of a method's definitions: `ProcessStart` for `process/start`. */
export const typeName = (method: string): string =>
  method
    .split('/')
    .map(part => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join('');

/** The definitions of whole messages, and the table of requests. */
const messages = (): Record<string, JsonSchema> => {
  const calls = Object.values(requests);
  const fromClient = Object.values(clientNotifications);
  const fromServer = Object.values(serverNotifications);
  return {
    ClientMessage: anyOf(
      'A message of the client: a request, a notification, or a batch of them.',
      [...calls.map(requestName), ...fromClient.map(notificationName), 'ClientBatch'].map(ref),
    ),
    ServerMessage: anyOf(
      'A message of the server: an answer, a notification, or the answers to a batch.',
      ['Response', 'ErrorResponse', ...fromServer.map(notificationName), 'ServerBatch'].map(ref),
    ),
    ClientBatch: batch(
      'Requests and notifications that are sent as one message.',
      [...calls.map(requestName), ...fromClient.map(notificationName)].map(ref),
    ),
    ServerBatch: batch('The answers to a batch, in the order of its requests.', [
      ref('Response'),
      ref('ErrorResponse'),
    ]),
    RequestId: {
      description: 'The id of a request, returned unchanged in its answer.',
      anyOf: [
        { type: 'number', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
        { type: 'string' },
      ],
    },
    // Of any type: a trace that is not valid is ignored.
    Trace: {
      description:
        'The trace that a request belongs to: an object with `traceparent`, and optionally `tracestate`, as in the W3C recommendation "Trace Context". Any other value is ignored.',
    },
    Requests: object(
      'No message: the params and the result of each request, by its method.',
      define(
        calls,
        ({ method }) => method,
        spec => object(undefined, { params: ref(paramsName(spec)), result: ref(resultName(spec)) }),
      ),
    ),
    Response: object('The answer to a request that succeeded. `Requests` has the type of the result.', {
      jsonrpc: constant('2.0'),
      id: ref('RequestId'),
      result: { type: 'object' },
    }),
    ...define(calls, requestName, spec => message(spec, ['id', 'method'])),
    ...define(fromClient, notificationName, spec => message(spec, ['method'])),
    ...define(fromServer, notificationName, spec => message(spec, ['jsonrpc', 'method'])),
  };
};

const define = <Item>(
  items: readonly Item[],
  name: (item: Item) => string,
  schema: (item: Item) => JsonSchema,
): Record<string, JsonSchema> => Object.fromEntries(items.map(item => [name(item), schema(item)]));

const requestName = ({ method }: RequestSpec): string => `${typeName(method)}Request`;
const notificationName = ({ method }: NotificationSpec): string => `${typeName(method)}Notification`;
const paramsName = ({ method }: NotificationSpec): string => `${typeName(method)}Params`;
const resultName = ({ method }: RequestSpec): string => `${typeName(method)}Result`;

/** A request or a notification: its fields with these names are required, and params unless all of them are optional. */
const message = (spec: NotificationSpec, required: readonly string[]): JsonSchema => {
  const params = ref(paramsName(spec));
  const canOmit = spec.params.safeParse({}).success;
  return {
    description: spec.doc,
    type: 'object',
    properties: {
      jsonrpc: constant('2.0'),
      ...(required.includes('id') && { id: ref('RequestId') }),
      method: constant(spec.method),
      params: canOmit ? nullable(params) : params,
      ...(required.includes('id') && { trace: ref('Trace') }),
    },
    required: canOmit ? required : [...required, 'params'],
  };
};

const errors = (): Record<string, JsonSchema> => {
  const kinds = Object.keys(errorData) as Array<keyof typeof errorData>;
  return {
    ErrorResponse: object('The answer to a request that failed, or to input that is not a message.', {
      jsonrpc: constant('2.0'),
      id: nullable(ref('RequestId')),
      error: ref('ErrorObject'),
    }),
    ErrorObject: anyOf(
      'An error: branch on `data.kind`.',
      kinds.map(kind => ref(errorName(kind))),
    ),
    ...define(kinds, errorName, errorObject),
  };
};

const errorName = (kind: keyof typeof errorData): string => `${typeName(kind).replace(/Error$/, '')}Error`;

const errorObject = (kind: keyof typeof errorData): JsonSchema => {
  const { properties, required = [] } = fields(errorData[kind]);
  return object(undefined, {
    code: constant(errorKinds[kind]),
    message: { type: 'string', description: 'The reason, for people.' },
    data: {
      ...object(undefined, { kind: constant(kind), ...properties }),
      required: ['kind', ...required],
    },
  });
};

const fields = (schema: z.ZodMiniType): JsonSchema => {
  const { $schema: _, ...made } = z.toJSONSchema(schema, OPTIONS);
  return made as JsonSchema;
};

/** The definitions of params, results, and the types that they share. */
const types = (): Record<string, JsonSchema> => {
  const names = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(shared)) names.add(schema, { id });
  const aliases: Record<string, JsonSchema> = {};
  const add = (id: string, schema: z.ZodMiniType): void => {
    const known = names.get(schema)?.id;
    if (known === undefined) names.add(schema, { id });
    else aliases[id] = ref(known);
  };
  for (const spec of Object.values(requests)) {
    add(paramsName(spec), spec.params);
    add(resultName(spec), spec.result);
  }
  for (const spec of Object.values({ ...clientNotifications, ...serverNotifications }))
    add(paramsName(spec), spec.params);
  const { schemas } = z.toJSONSchema(names, { ...OPTIONS, uri: name => `#/$defs/${name}` });
  const made = Object.entries(schemas).map(([name, { $schema: _, $id: __, ...schema }]) => [name, schema]);
  return { ...aliases, ...Object.fromEntries(made) };
};

/** The types that several messages have, or that deserve a name in generated code. */
const shared: Readonly<Record<string, z.ZodMiniType>> = {
  Capabilities: capabilities(),
  EnvBase,
  EnvironmentInfo,
  EnvOverlay,
  EnvPolicy,
  ExitReason,
  Explanation: explanation(),
  HttpHeader,
  OsProcess,
  OutputStream,
  RequestHeader,
  ResolvedBase,
  Sandbox,
  SandboxFileSystem,
  SandboxPath,
  SandboxPermissions,
  SandboxSpecialPath,
  StreamBytes,
  TerminalSize,
};

/** The names of the types that several messages have. */
export const SHARED_TYPES: readonly string[] = Object.keys(shared);

// Input types in both directions: the output of a transform is not on the wire.
const OPTIONS = {
  io: 'input',
  unrepresentable: 'any',
  override: ({ zodSchema, jsonSchema }: { zodSchema: object; jsonSchema: Record<string, unknown> }) => {
    const value = valuesByName.get(zodSchema);
    if (value !== undefined) jsonSchema.additionalProperties = fields(value);
    if (jsonSchema.whenAbsent !== undefined) jsonSchema.default = jsonSchema.whenAbsent;
    delete jsonSchema.whenAbsent;
  },
} as const;

const ref = (name: string): JsonSchema => ({ $ref: `#/$defs/${name}` });

const constant = (value: string | number): JsonSchema => ({
  type: typeof value === 'string' ? 'string' : 'integer',
  const: value,
});

const nullable = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: 'null' }] });

const anyOf = (description: string, schemas: JsonSchema[]): JsonSchema => ({ description, anyOf: schemas });

const batch = (description: string, schemas: JsonSchema[]): JsonSchema => ({
  description,
  type: 'array',
  items: { anyOf: schemas },
  minItems: 1,
  maxItems: MAX_BATCH,
});

const object = (description: string | undefined, properties: Record<string, JsonSchema>): JsonSchema => ({
  ...(description !== undefined && { description }),
  type: 'object',
  properties,
  required: Object.keys(properties),
});
