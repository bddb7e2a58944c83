import type { Script } from './script.ts';

/**
 * Takes steps out of a script as long as what is left still `fails`: first many, then single ones.
 *
 * @param forMs how long that may take
 */
export const shorten = async (
  script: Script,
  fails: (script: Script) => Promise<boolean>,
  forMs: number,
): Promise<Script> => {
  let shortest = script;
  const end = performance.now() + forMs;
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
