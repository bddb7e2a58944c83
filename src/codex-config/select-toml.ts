import type { AST } from 'toml-eslint-parser';
import { readToml, type TomlItem } from './toml-document.ts';

/** The keys that lead to a value, at least one. */
export type KeyPath = readonly [string, ...string[]];

/**
 * Selects the values at the given paths of a TOML text, as TOML: one `key = value` for each path that exists, with the
 * value as it was written. Nothing else of the text is returned.
 *
 * @param file the name of the text in errors
 * @returns an empty text if no path exists
 * @throws {ConfigError} if the text is not TOML, or too long
 */
export const selectToml = (text: string, file: string, paths: readonly KeyPath[]): string => {
  const root = readToml(text, file, treeOf);
  // A path below another requested path is part of that one's value.
  const requested = paths.filter((path, at) => !paths.some((other, it) => covers(other, path, it < at)));
  return requested
    .map(path => [path, find(root, path)] as const)
    .filter((found): found is [KeyPath, Node] => found[1] !== undefined)
    .map(([path, node]) => `${path.map(tomlKey).join('.')} = ${inline(node)}\n`)
    .join('');
};

const covers = (shorter: KeyPath, path: KeyPath, cameFirst: boolean): boolean =>
  shorter.every((key, depth) => path[depth] === key) && (shorter.length < path.length || cameFirst);

/** A key as TOML writes it. JSON leaves DEL as it is, TOML requires it to be escaped. */
const tomlKey = (key: string): string =>
  /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key).replaceAll('\x7f', '\\u007f');

/** A value: as it was written, or a table or an array of tables, whose parts may be spread over the text. */
type Node = string | Table | Table[];
type Table = Map<string, Node>;

const find = (root: Table, path: KeyPath): Node | undefined => {
  let node: Node | undefined = root;
  for (const key of path) node = node instanceof Map ? node.get(key) : undefined;
  return node;
};

const inline = (node: Node): string => {
  if (typeof node === 'string') return node;
  if (Array.isArray(node)) return `[${node.map(inline).join(', ')}]`;
  return `{ ${Array.from(node, ([key, value]) => `${tomlKey(key)} = ${inline(value)}`).join(', ')} }`;
};

const treeOf = (items: readonly TomlItem[], text: string): Table => {
  const root: Table = new Map();
  for (const item of items) {
    if (item.type === 'TOMLKeyValue') put(root, item, text);
    else {
      const table = tableAt(root, item.resolvedKey);
      for (const entry of item.body) put(table, entry, text);
    }
  }
  return root;
};

const put = (table: Table, { key, value }: AST.TOMLKeyValue, text: string): void => {
  const names = key.keys.map(part => (part.type === 'TOMLBare' ? part.name : part.value));
  const holder = tableAt(table, names.slice(0, -1));
  // A path may lead into an inline table.
  if (value.type === 'TOMLInlineTable') {
    const inner: Table = new Map();
    holder.set(names.at(-1) as string, inner);
    for (const entry of value.body) put(inner, entry, text);
  } else {
    holder.set(names.at(-1) as string, text.slice(...value.range));
  }
};

/** The table at a path, created if it is missing. A number is an index into an array of tables. */
const tableAt = (root: Table, path: readonly (string | number)[]): Table => {
  let table = root;
  for (const [depth, key] of path.entries()) {
    if (typeof key === 'number') continue;
    const index = path[depth + 1];
    if (typeof index === 'number') {
      const tables = (table.get(key) ?? []) as Table[];
      table.set(key, tables);
      tables[index] ??= new Map();
      table = tables[index];
    } else {
      const inner = (table.get(key) ?? new Map()) as Table;
      table.set(key, inner);
      table = inner;
    }
  }
  return table;
};
