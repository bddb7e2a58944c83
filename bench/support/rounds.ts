/** One thing to measure: a single run, in milliseconds. */
export type Contender = { readonly name: string; run(): Promise<number> };

/** Medians of several runs, taken in turns so that a slow moment of the machine hits all alike. */
export type Medians = ReadonlyMap<string, { readonly median: number; readonly spread: number }>;

/** Runs the contenders one after the other, `rounds` times, after one round that doesn't count. */
export const measureInTurns = async (contenders: readonly Contender[], rounds: number): Promise<Medians> => {
  const times = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const { name, run } of contenders) {
      const time = await run();
      if (round > 0) times.get(name)?.push(time);
    }
  }
  return new Map(
    [...times].map(([name, all]) => [name, { median: quantile(all, 0.5), spread: quantile(all, 0.9) }]),
  );
};

/** Prints each median beside the first one, the floor. */
export const printRatios = (title: string, medians: Medians): void => {
  const [floor] = medians.values();
  process.stdout.write(`${title}\n`);
  for (const [name, { median, spread }] of medians) {
    const ratio = floor === undefined ? '' : `${(median / floor.median).toFixed(2)} x`;
    process.stdout.write(
      `  ${name.padEnd(44)} ${median.toFixed(2).padStart(9)} ms  p90 ${spread.toFixed(2).padStart(9)}  ${ratio}\n`,
    );
  }
};

const quantile = (values: readonly number[], q: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
};
