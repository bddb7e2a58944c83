/** Where the samples lie. */
export type Spread = {
  readonly min: number;
  readonly q1: number;
  readonly median: number;
  readonly q3: number;
  readonly max: number;
};

/** The value below which the part `q` (0 to 1) of the values lies, between two of them in proportion. */
export const quantile = (values: readonly number[], q: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
};

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export const spread = (values: readonly number[]): Spread => ({
  min: quantile(values, 0),
  q1: quantile(values, 0.25),
  median: median(values),
  q3: quantile(values, 0.75),
  max: quantile(values, 1),
});

/** A number as people read it: three significant digits, whole from 100 on. */
export const readable = (value: number): string => {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 99.95) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
};
