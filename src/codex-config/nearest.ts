/**
 * The candidate closest to a misspelt name; `undefined` if none is close. A close one differs by at most two edits,
 * and in less than half of its letters. Edits insert, delete, replace or swap letters; case, `_` and `-` are ignored.
 */
export const nearest = (name: string, candidates: readonly string[]): string | undefined => {
  const plainName = plain(name);
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    const plainCandidate = plain(candidate);
    const most = Math.min(2, Math.ceil(plainCandidate.length / 2) - 1);
    // Also keeps the work small when the name is long.
    if (Math.abs(plainName.length - plainCandidate.length) > most) continue;
    const distance = distanceOf(plainName, plainCandidate);
    if (distance <= most && distance < (best?.distance ?? Number.POSITIVE_INFINITY))
      best = { candidate, distance };
  }
  return best?.candidate;
};

/** The suffix `, did you mean …?` of a message; empty if no candidate is close. */
export const suggestion = (name: string, candidates: readonly string[]): string => {
  const candidate = nearest(name, candidates);
  return candidate === undefined ? '' : `, did you mean \`${candidate}\`?`;
};

const plain = (name: string): string => name.toLowerCase().replace(/[-_]/g, '');

/** The optimal string alignment distance (Damerau-Levenshtein without overlapping edits). */
const distanceOf = (from: string, to: string): number => {
  let older: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current[column] = Math.min(
        (previous[column] as number) + 1,
        (current[column - 1] as number) + 1,
        (previous[column - 1] as number) + (same ? 0 : 1),
        swapped ? (older[column - 2] as number) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    older = previous;
    previous = current;
  }
  return previous[to.length] as number;
};
