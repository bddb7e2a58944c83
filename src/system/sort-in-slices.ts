import type { TimeSlice } from './time-slice.ts';

/** Sorts in slices: what takes tens of milliseconds at a stretch is interrupted by other work. Stable. */
export const sortInSlices = async <Item>(
  items: readonly Item[],
  compare: (one: Item, other: Item) => number,
  slice: TimeSlice,
): Promise<Item[]> => {
  let runs: Item[][] = [];
  for (let at = 0; at < items.length; at += RUN_LENGTH) {
    runs.push(items.slice(at, at + RUN_LENGTH).sort(compare));
    if (slice.over) await slice.next();
  }
  while (runs.length > 1) {
    const merged: Item[][] = [];
    for (let at = 0; at < runs.length; at += 2) {
      merged.push(await merge(runs[at] ?? [], runs[at + 1] ?? [], compare, slice));
    }
    runs = merged;
  }
  return runs[0] ?? [];
};

/** As many as are sorted in a millisecond or two. */
const RUN_LENGTH = 2048;

const merge = async <Item>(
  one: readonly Item[],
  other: readonly Item[],
  compare: (one: Item, other: Item) => number,
  slice: TimeSlice,
): Promise<Item[]> => {
  const merged: Item[] = [];
  let [at, otherAt] = [0, 0];
  while (at < one.length && otherAt < other.length) {
    const [next, otherNext] = [one[at] as Item, other[otherAt] as Item];
    if (compare(next, otherNext) <= 0) {
      merged.push(next);
      at += 1;
    } else {
      merged.push(otherNext);
      otherAt += 1;
    }
    if (merged.length % RUN_LENGTH === 0 && slice.over) await slice.next();
  }
  return merged.concat(one.slice(at), other.slice(otherAt));
};
