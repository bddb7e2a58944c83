import type { Script } from './script.ts';

/**
 * Removes steps from a script as long as it still fails: first many at a time, then single ones.
 *
 * @param maxMs the time limit in milliseconds
 */
export const shorten = async (
  script: Script,
  fails: (script: Script) => Promise<boolean>,
  maxMs: number,
): Promise<Script> => {
  let shortest = script;
  const end = performance.now() + maxMs;
  for (
    let size = Math.ceil(script.steps.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = 0; at < shortest.steps.length && performance.now() < end; ) {
      const candidate = { ...shortest, steps: shortest.steps.toSpliced(at, size) };
      if (await fails(candidate)) shortest = candidate;
      else at += size;
    }
  }
  return shortest;
};
