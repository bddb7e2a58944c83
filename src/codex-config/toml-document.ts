import { type AST, ParseError, parseTOML } from 'toml-eslint-parser';
import { ConfigError, type ConfigProblem, type Position } from './config-error.ts';
import { MAX_CONFIG_LENGTH } from './limits.ts';

/** A table of a TOML file. It has no prototype, so `__proto__` is an ordinary key. */
export type TomlTable = { [key: string]: unknown };

/** Checks that a value of a TOML file is a table. */
export const isTable = (value: unknown): value is TomlTable =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

/** The keys and indices that lead to a value. */
export type TomlPath = readonly PropertyKey[];

/** A parsed TOML file with the positions of its values. */
export type TomlDocument = {
  /** The name of the file in messages. */
  readonly file: string;
  readonly table: TomlTable;
  /**
   * The position of a key, of an element of an array, or of the header of a table (without a header: of the first
   * key that creates the table). For a missing path: the position of the innermost existing part.
   */
  positionOf(path: TomlPath): Position | undefined;
};

/**
 * Parses TOML 1.1.
 *
 * @throws {ConfigError} if the text is too long, or for the first syntax error
 */
export const parseToml = (text: string, file: string): TomlDocument =>
  readToml(text, file, items => {
    const table = newTable();
    const places = new Places();
    for (const item of items) {
      if (item.type === 'TOMLKeyValue') put(table, places, item);
      else fill(table, places, item);
    }
    return { file, table, positionOf: path => places.positionOf(path) };
  });

/** A top-level item of a TOML file. */
export type TomlItem = AST.TOMLKeyValue | AST.TOMLTable;

/**
 * Parses TOML 1.1 into its syntax tree.
 *
 * @param read receives the items, and the text that their ranges refer to
 * @throws {ConfigError} as `parseToml` does
 */
export const readToml = <Result>(
  text: string,
  file: string,
  read: (items: readonly TomlItem[], source: string) => Result,
): Result => {
  if (text.length > MAX_CONFIG_LENGTH) {
    const problem = `expected at most ${MAX_CONFIG_LENGTH} characters, received ${text.length}`;
    throw new ConfigError(file, [{ at: undefined, text: problem }]);
  }
  const source = text.replace(/^\ufeff/, '');
  try {
    return read(parseTOML(source).body[0].body, source);
  } catch (error) {
    throw new ConfigError(file, [syntaxProblem(error, source)]);
  }
};

const syntaxProblem = (error: unknown, source: string): ConfigProblem => {
  // The parser recurses for each level, and passes the characters of a string as arguments of one call.
  if (error instanceof RangeError) {
    return { at: undefined, text: 'nested too deeply, or a string is too long' };
  }
  if (!(error instanceof ParseError)) throw error;
  return { at: { line: error.lineNumber, column: error.column + 1 }, text: explain(error, source) };
};

// The parser's own message where it helps; never its quotes of the text.
const explain = ({ message, index }: ParseError, source: string): string => {
  if (message === 'Unexpected character' && /[=[,]\s*$/.test(source.slice(0, index)))
    return 'expected a value; a string needs quotes';
  if (message === 'Unspecified values are invalid') return 'expected a value';
  if (message === 'Must be a newline') return 'expected the end of the line';
  if (message.startsWith('Invalid code point')) return 'this character is not allowed here';
  return message.charAt(0).toLowerCase() + message.slice(1);
};

const newTable = (): TomlTable => Object.create(null);

/** The position of a value, and the positions of the values in it. */
class Places {
  readonly #at: Position | undefined;
  readonly #inside = new Map<PropertyKey, Places>();

  constructor(node?: AST.TOMLNode) {
    this.#at = node && { line: node.loc.start.line, column: node.loc.start.column + 1 };
  }

  /** The positions below a key; created from `node` if the key is new. */
  inner(key: PropertyKey, node: AST.TOMLNode): Places {
    const place = this.#inside.get(key) ?? new Places(node);
    this.#inside.set(key, place);
    return place;
  }

  positionOf(path: TomlPath): Position | undefined {
    let place: Places = this;
    for (const key of path) {
      const inner = place.#inside.get(key);
      if (inner === undefined) break;
      place = inner;
    }
    return place.#at;
  }
}

/** Adds the entries below a header. */
const fill = (root: TomlTable, places: Places, header: AST.TOMLTable): void => {
  const path = header.resolvedKey;
  let table: TomlTable | unknown[] = root;
  let place = places;
  for (const [depth, key] of path.entries()) {
    table = enter(table, key, typeof path[depth + 1] === 'number' ? [] : newTable());
    place = place.inner(key, header);
  }
  for (const item of header.body) put(table as TomlTable, place, item);
};

/** Adds `a.b = value` to a table. */
const put = (table: TomlTable, places: Places, { key, value }: AST.TOMLKeyValue): void => {
  let holder = table;
  let place = places;
  for (const [depth, part] of key.keys.entries()) {
    const name = part.type === 'TOMLBare' ? part.name : part.value;
    place = place.inner(name, part);
    if (depth < key.keys.length - 1) holder = enter(holder, name, newTable()) as TomlTable;
    else holder[name] = contentOf(value, place);
  }
};

/** The value under a key of a table or array; set to `initial` first if there is none. */
const enter = <Value>(at: TomlTable | unknown[], key: string | number, initial: Value): Value => {
  const holder = at as Record<string | number, unknown>;
  holder[key] ??= initial;
  return holder[key] as Value;
};

const contentOf = (node: AST.TOMLContentNode, place: Places): unknown => {
  if (node.type === 'TOMLValue') return node.value;
  if (node.type === 'TOMLArray') {
    return node.elements.map((element, index) => contentOf(element, place.inner(index, element)));
  }
  const table = newTable();
  for (const item of node.body) put(table, place, item);
  return table;
};
