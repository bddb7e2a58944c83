/** How long it takes, in milliseconds. */
export const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};

/** How long it takes each time, one after the other, after a first time that doesn't count. */
export const timedEach = async (times: number, work: () => Promise<unknown>): Promise<number[]> => {
  await work();
  const all: number[] = [];
  for (let time = 0; time < times; time += 1) all.push(await timed(work));
  return all;
};

export const MIB = 1024 * 1024;

/** MiB per second. */
export const rate = (bytes: number, milliseconds: number): number => bytes / MIB / (milliseconds / 1000);
