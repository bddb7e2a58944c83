import fc from 'fast-check';

/** Asserts that a test passes for 500 random values of the arbitraries. */
export const holds = <Values extends [unknown, ...unknown[]]>(
  arbitraries: { [At in keyof Values]: fc.Arbitrary<Values[At]> },
  test: (...values: Values) => void,
): void =>
  fc.assert(
    fc.property(...arbitraries, (...values) => test(...(values as Values))),
    { numRuns: 500 },
  );
