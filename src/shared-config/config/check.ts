import type * as z from 'zod/mini';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { suggestion } from './nearest.ts';
import type { TomlDocument, TomlPath } from './toml-document.ts';
import { keyText, pathText } from './toml-key.ts';

/** Gathers what is wrong in a document, each thing with its place. */
export class Findings {
  readonly #document: TomlDocument;
  readonly #problems: ConfigProblem[] = [];

  constructor(document: TomlDocument) {
    this.#document = document;
  }

  /** Notes that something is wrong with what stands at this path. */
  add(path: TomlPath, problem: string): void {
    const text = path.length === 0 ? problem : `${pathText(path)}: ${problem}`;
    this.#problems.push({ at: this.#document.positionOf(path), text });
  }

  /** Notes that a table has a key that nobody knows. */
  addUnknown(table: TomlPath, key: string, known: readonly string[]): void {
    const text = `unknown key \`${keyText(key)}\`${suggestion(key, known)}`;
    const within = table.length === 0 ? '' : `${pathText(table)}: `;
    this.#problems.push({ at: this.#document.positionOf([...table, key]), text: `${within}${text}` });
  }

  /** @throws {ConfigError} if anything is wrong */
  throwIfAny(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#document.file, this.#problems);
  }
}

/** What a schema can't tell of itself when a value doesn't fit. */
export type About = {
  /** The keys of the table at a path in the value. */
  knownKeys(path: TomlPath): readonly string[];
  /** Of what there should be an array at a path in the value. Default: of strings. */
  readonly elements?: (path: TomlPath) => string;
};

/**
 * Holds a value of the document against a schema. What is wrong goes to the findings; what came is told by its
 * type, never by itself.
 *
 * @param path where the value stands in the document
 * @returns what the schema makes of the value; `undefined` if anything in it is wrong
 */
export const check = <Schema extends z.ZodMiniType>(
  schema: Schema,
  value: unknown,
  path: TomlPath,
  findings: Findings,
  about: About,
): z.output<Schema> | undefined => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const at = [...path, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) findings.addUnknown(at, key, about.knownKeys(issue.path));
    } else findings.add(at, problem(issue, valueAt(value, issue.path), about));
  }
  return undefined;
};

const valueAt = (value: unknown, path: TomlPath): unknown =>
  path.reduce<unknown>(
    (at, key) =>
      typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );

const problem = (issue: z.core.$ZodIssue, received: unknown, { elements }: About): string => {
  switch (issue.code) {
    case 'invalid_type': {
      const expected =
        issue.expected === 'array'
          ? `an array of ${elements?.(issue.path) ?? 'strings'}`
          : TYPES[issue.expected];
      return `expected ${expected}, ${received === undefined ? 'but it is missing' : `got ${typeText(received)}`}`;
    }
    case 'invalid_value':
      return `expected ${choices(issue.values)}, got ${typeof received === 'string' ? 'another string' : typeText(received)}`;
    default:
      return issue.message;
  }
};

/** The types that a schema can ask for, in words. */
const TYPES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
  record: 'a table of strings',
  object: 'a table',
};

const choices = (values: readonly unknown[]): string =>
  `one of ${values.map(value => JSON.stringify(value)).join(', ')}`;

/** What a value of a TOML file is, in words. */
export const typeText = (value: unknown): string => {
  if (typeof value === 'number' && !Number.isFinite(value)) return 'inf or nan';
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Date) return 'a date or time';
  return typeof value === 'object' ? 'a table' : `a ${typeof value}`;
};
