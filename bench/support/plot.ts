import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Metric } from './question.ts';
import { measuredMetrics, type Result, ratios, samplesOf } from './result.ts';
import { median, readable } from './statistics.ts';

/**
 * Draws a result as SVG, one panel a metric: a dot for the median, a bar between the quartiles, a tick for each
 * round, and the median as text with its ratio to the floor.
 */
export const plot = async (result: Result): Promise<string> => {
  const panels = measuredMetrics(result).map(metric => panel(result, metric));
  const spec: TopLevelSpec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    padding: 12,
    title: { text: plain(result.asks), anchor: 'start', fontSize: 14, offset: 12 },
    columns: panels.length > 1 ? 2 : 1,
    concat: panels,
    spacing: { row: 24, column: 70 },
    config: {
      view: { stroke: null },
      axis: { domain: false, tickColor: '#ccc', gridColor: '#eee', labelFontSize: 11, titleFontSize: 11 },
      title: { fontSize: 12, fontWeight: 'bold' },
    },
  };
  const view = new View(parse(compile(spec).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return `${svg}\n`;
};

const COLOURS = { floor: '#9aa0a6', ours: '#1f6feb', peer: '#e07b00' };

type Row = { readonly who: string; readonly role: string; readonly value: number };

const panel = (result: Result, { id, title, unit, better }: Metric) => {
  const rows: Row[] = result.tracks.flatMap(track =>
    samplesOf(track, id).map(value => ({ who: track.name, role: track.role, value })),
  );
  const names = result.tracks.map(({ name }) => name).filter(name => rows.some(({ who }) => who === name));
  const labels = result.tracks
    .filter(({ name }) => names.includes(name))
    .map(track => ({
      who: track.name,
      value: Math.max(...samplesOf(track, id)),
      text: labelOf(median(samplesOf(track, id)), ratios(result, track, id)),
    }));
  const values = rows.map(({ value }) => value);
  // What lies far apart would be one dot and one blur on a linear scale.
  const logarithmic = Math.min(...values) > 0 && Math.max(...values) > 20 * Math.min(...values);
  const x = {
    field: 'value',
    type: 'quantitative' as const,
    title: `${unit}, ${better} is better`,
    scale: logarithmic ? { type: 'log' as const, nice: true } : { zero: true, domainMin: 0, nice: true },
    axis: { tickCount: 5, grid: !logarithmic },
  };
  const y = { field: 'who', type: 'nominal' as const, title: null, sort: names };
  const color = {
    field: 'role',
    type: 'nominal' as const,
    legend: null,
    scale: { domain: Object.keys(COLOURS), range: Object.values(COLOURS) },
  };
  return {
    title: { text: plain(title), anchor: 'start' as const },
    width: 300,
    height: { step: 26 },
    data: { values: rows },
    layer: [
      { mark: { type: 'tick' as const, opacity: 0.35, size: 12 }, encoding: { x, y, color } },
      {
        mark: { type: 'errorbar' as const, extent: 'iqr' as const, thickness: 3 },
        encoding: { x, y, color },
      },
      {
        mark: { type: 'point' as const, filled: true, size: 70, opacity: 1 },
        encoding: { x: { ...x, aggregate: 'median' as const }, y, color },
      },
      {
        data: { values: labels },
        mark: { type: 'text' as const, align: 'left' as const, dx: 8, fontSize: 11 },
        encoding: { x, y, text: { field: 'text' }, color: { value: '#444' } },
      },
    ],
  };
};

// Names are set off by backticks, which mean nothing in a drawing.
const plain = (text: string): string => text.replaceAll('`', '');

const labelOf = (middle: number, times: readonly number[]): string =>
  times.length > 0 ? `${readable(middle)}  (${readable(median(times))} ×)` : readable(middle);
