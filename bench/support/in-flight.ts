/** Does the work for 0, 1, … below `count`, `width` of them concurrently. */
export const inFlight = async (
  width: number,
  count: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> => {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
};
