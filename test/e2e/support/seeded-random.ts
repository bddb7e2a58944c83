/** Random numbers that repeat with their seed. */
export type Random = {
  /** An integer of a range, with both limits. */
  integer(minimum: number, maximum: number): number;
  pick<Value>(values: readonly [Value, ...Value[]]): Value;
};

/** Returns the numbers of a seed (mulberry32). */
export const seededRandom = (seed: number): Random => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (minimum: number, maximum: number): number =>
    minimum + Math.floor(next() * (maximum - minimum + 1));
  return { integer, pick: values => values[integer(0, values.length - 1)] ?? values[0] };
};
