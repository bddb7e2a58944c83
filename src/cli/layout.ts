import type { Span } from './spans.ts';

/** Lines of a table whose columns are as wide as their longest cell. */
export const tableSpans = (rows: readonly (readonly Span[])[]): Span[] => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => widthOf(row[column] ?? ''))));
  return rows.flatMap(row => rowSpans(row, widths));
};

/** Line of cells, padded to the widths and two spaces apart. Empty cells at the end are omitted. */
export const rowSpans = (cells: readonly Span[], widths: readonly number[]): Span[] => {
  const last = cells.findLastIndex(cell => widthOf(cell) > 0);
  const padded = cells.slice(0, last + 1).flatMap((cell, column): Span[] => {
    if (column === last) return [cell];
    return [padTo(cell, widths[column] ?? 0), '  '];
  });
  return [...padded, '\n'];
};

/** Joins parts to lines of at most `width` characters; a longer part has a line of its own. */
export const wrap = (parts: readonly string[], separator: string, width: number): string[] => {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    const joined = last === undefined ? part : `${last}${separator}${part}`;
    if (last !== undefined && joined.length <= width) lines[lines.length - 1] = joined;
    else lines.push(part);
  }
  return lines;
};

const widthOf = (cell: Span): number => (typeof cell === 'string' ? cell : cell.text).length;

const padTo = (cell: Span, width: number): Span =>
  typeof cell === 'string' ? cell.padEnd(width) : { ...cell, text: cell.text.padEnd(width) };
