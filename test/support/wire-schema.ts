import { Ajv2020 } from 'ajv/dist/2020.js';
import { protocolSchema, typeName } from '../../src/protocol/json-schema.ts';

/** A message as parsed from JSON. */
type Message = {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
};

/**
 * Returns the first difference between a value and a definition of the JSON schema, or `undefined`. The validator shares
 * no code with the product.
 */
export const mismatch = (definition: string, value: unknown): string | undefined =>
  firstError(lenient, definition, value);

/** The same, where a field that is not declared is a difference. */
export const strictMismatch = (definition: string, value: unknown): string | undefined =>
  firstError(strict, definition, value);

/**
 * The check of one connection: every message of the server, and every request that it accepts, match the schema. Fields
 * that are not declared are accepted from the client only.
 */
export class WireCheck {
  /** Requests without an answer, by id. */
  readonly #requests = new Map<unknown, Message>();

  sent(message: unknown): void {
    for (const part of parts(message)) if (part.id !== undefined) this.#requests.set(part.id, part);
  }

  /** Returns the first difference, or `undefined`. */
  received(message: unknown): string | undefined {
    const problems = parts(message).map(part =>
      part.method === undefined ? this.#answerMismatch(part) : notificationMismatch(part),
    );
    return problems.find(problem => problem !== undefined);
  }

  #answerMismatch(answer: Message): string | undefined {
    if (answer.error !== undefined) return strictMismatch('ErrorResponse', answer);
    const request = this.#requests.get(answer.id);
    this.#requests.delete(answer.id);
    if (request === undefined) return mismatch('Response', answer);
    const name = typeName(String(request.method));
    return (
      mismatch('Response', answer) ??
      mismatch(`${name}Request`, request) ??
      strictMismatch(`${name}Result`, answer.result)
    );
  }
}

const notificationMismatch = (message: Message): string | undefined =>
  strictMismatch(`${typeName(String(message.method))}Notification`, message);

/** The messages of a batch, or the message. */
const parts = (message: unknown): Message[] => [message].flat() as Message[];

const firstError = (validator: () => Ajv2020, definition: string, value: unknown): string | undefined => {
  const validate = validator().getSchema(`wire#/$defs/${definition}`);
  if (validate === undefined) return `${definition} is not defined`;
  if (validate(value)) return undefined;
  const [error] = validate.errors ?? [];
  return `${definition}${error?.instancePath}: ${error?.message} ${JSON.stringify(error?.params)}`;
};

const validatorOf = (change: (schema: object) => object): (() => Ajv2020) => {
  let ajv: Ajv2020 | undefined;
  return () => {
    ajv ??= new Ajv2020({ strict: true, allowUnionTypes: true }).addSchema(change(protocolSchema()), 'wire');
    return ajv;
  };
};

/** The schema with no other fields than those that it declares. */
const closed = <Schema>(schema: Schema): Schema => {
  if (Array.isArray(schema)) return schema.map(closed) as Schema;
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  return ('properties' in inner ? { additionalProperties: false, ...inner } : inner) as Schema;
};

const lenient = validatorOf(schema => schema);
const strict = validatorOf(closed);
