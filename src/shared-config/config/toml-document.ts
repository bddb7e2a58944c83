import { type AST, ParseError, parseTOML } from 'toml-eslint-parser';
import { ConfigError, type ConfigProblem, type Position } from './config-error.ts';
import { MAX_CONFIG_LENGTH } from './limits.ts';

/** A table of a TOML file. It has no prototype, so a key named `__proto__` is one like any other. */
export type TomlTable = { [key: string]: unknown };

/** Whether a value of a TOML file is a table. */
export const isTable = (value: unknown): value is TomlTable =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

/** The keys and indices that lead to a value. */
export type TomlPath = readonly PropertyKey[];

/** What a TOML file says, and where it says so. */
export type TomlDocument = {
  /** How messages call the file. */
  readonly file: string;
  readonly table: TomlTable;
  /**
   * Where a key stands, an element of an array, or the header of a table; of a table without one, the first
   * key that speaks of it. For what isn't there: where the innermost thing around it stands.
   */
  positionOf(path: TomlPath): Position | undefined;
};

/**
 * Reads TOML 1.1.
 *
 * @throws {ConfigError} when the text is too long, or at the first place where it isn't TOML
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

/** What stands at the top of a TOML file, in its order. */
export type TomlItem = AST.TOMLKeyValue | AST.TOMLTable;

/**
 * The same for whoever looks at the text of the file itself.
 *
 * @param read gets the items, and the text that their ranges are of
 * @throws {ConfigError} as `parseToml` does
 */
export const readToml = <Result>(
  text: string,
  file: string,
  read: (items: readonly TomlItem[], source: string) => Result,
): Result => {
  if (text.length > MAX_CONFIG_LENGTH) {
    const problem = `expected at most ${MAX_CONFIG_LENGTH} characters, got ${text.length}`;
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
  // What follows levels calls itself for each; the parser hands the characters of a text over as arguments.
  if (error instanceof RangeError) {
    return { at: undefined, text: 'this file is nested too deeply, or has a text in it that is too long' };
  }
  if (!(error instanceof ParseError)) throw error;
  return { at: { line: error.lineNumber, column: error.column + 1 }, text: explain(error, source) };
};

// The parser's own messages, where they say what to do; never what they cite of the text.
const explain = ({ message, index }: ParseError, source: string): string => {
  if (message === 'Unexpected character' && /[=[,]\s*$/.test(source.slice(0, index)))
    return 'expected a value; a string needs quotes';
  if (message === 'Unspecified values are invalid') return 'expected a value';
  if (message === 'Must be a newline') return 'expected the end of the line';
  if (message.startsWith('Invalid code point')) return 'a character that is not allowed here';
  return message.charAt(0).toLowerCase() + message.slice(1);
};

const newTable = (): TomlTable => Object.create(null);

/** Where a thing stands, and the things in it. */
class Places {
  readonly #at: Position | undefined;
  readonly #inside = new Map<PropertyKey, Places>();

  constructor(node?: AST.TOMLNode) {
    this.#at = node && { line: node.loc.start.line, column: node.loc.start.column + 1 };
  }

  /** The place of what has this key in here; `node` if it had none yet. */
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

/** Takes over what stands below a header. */
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

/** Takes over `a.b = value`, as it stands in a table. */
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

/** What a table or array has under a key: from now on `initial`, if it has nothing there. */
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
