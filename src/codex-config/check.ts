import type * as z from 'zod/mini';
import { describeIssue } from '../shared-config/index.ts';
import { ConfigError, type ConfigProblem, problemLines } from './config-error.ts';
import { suggestion } from './nearest.ts';
import type { TomlDocument, TomlPath } from './toml-document.ts';
import { keyText, pathText } from './toml-key.ts';

/** Problems of one document, each with its position. */
export class Findings {
  readonly #document: TomlDocument;
  readonly #problems: ConfigProblem[] = [];

  constructor(document: TomlDocument) {
    this.#document = document;
  }

  /** Adds a problem of the value at this path. */
  add(path: TomlPath, problem: string): void {
    const text = path.length === 0 ? problem : `${pathText(path)}: ${problem}`;
    this.#problems.push({ at: this.#document.positionOf(path), text });
  }

  /** Adds an unknown key of the table at this path. */
  addUnknown(table: TomlPath, key: string, known: readonly string[]): void {
    const text = `unknown key \`${keyText(key)}\`${suggestion(key, known)}`;
    const within = table.length === 0 ? '' : `${pathText(table)}: `;
    this.#problems.push({ at: this.#document.positionOf([...table, key]), text: `${within}${text}` });
  }

  /** @throws {ConfigError} if there is a problem */
  throwIfAny(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#document.file, this.#problems);
  }

  /** Returns the lines of the message that `throwIfAny` would throw. */
  lines(): readonly string[] {
    return problemLines(this.#document.file, this.#problems);
  }
}

/** Facts about the expected value that its schema does not hold. */
export type Expected = {
  /** The keys of the table at a path in the value. */
  knownKeys(path: TomlPath): readonly string[];
  /** The elements of the array at a path in the value. Default: strings. */
  readonly elements?: (path: TomlPath) => string;
};

/**
 * Checks a value of the document against a schema. Problems go to the findings; they name the type of a received
 * value, never the value.
 *
 * @param path the path of the value in the document
 * @returns the parsed value; `undefined` if there is a problem in it
 */
export const check = <Schema extends z.ZodMiniType>(
  schema: Schema,
  value: unknown,
  path: TomlPath,
  findings: Findings,
  { knownKeys, elements = () => 'strings' }: Expected,
): z.output<Schema> | undefined => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const words = {
    expected: ({ expected, path: at = [] }: z.core.$ZodIssueInvalidType) =>
      expected === 'array' ? `an array of ${elements(at)}` : (TYPES[expected] ?? expected),
    received: (received: unknown) => (received === undefined ? undefined : typeText(received)),
  };
  for (const issue of result.error.issues) {
    const at = [...path, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) findings.addUnknown(at, key, knownKeys(issue.path));
    } else findings.add(at, describeIssue(issue, value, words));
  }
  return undefined;
};

/** The types that a schema can expect, in the terms of TOML. */
const TYPES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
  record: 'a table of strings',
  object: 'a table',
};

/** The type of a value of a TOML file. */
export const typeText = (value: unknown): string => {
  if (typeof value === 'number' && !Number.isFinite(value)) return 'inf or nan';
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Date) return 'a date or time';
  return typeof value === 'object' ? 'a table' : `a ${typeof value}`;
};
