import { codePointLength, foldCase } from './fold-case.ts';
import type { MatchEffort } from './match-effort.ts';

/** A compiled pattern. */
export type Pattern = {
  /** As its author wrote it. */
  readonly source: string;
  /** The parts before, between and after its `*`s, in folded case: each `?`, and the text in between. */
  readonly segments: readonly Segment[];
};

type Segment = readonly string[];

/**
 * Prepares a pattern: `*` stands for any run of characters, the empty one too, `?` for exactly one
 * character (one code point), anything else for itself in either case. There is no escape, so a pattern
 * can't ask for a literal `*` or `?`, and it always describes a whole name.
 */
export const compilePattern = (source: string): Pattern => ({
  source,
  segments: foldCase(source)
    .split(/\*+/)
    .map(segment => segment.match(/\?|[^?]+/g) ?? []),
});

/**
 * Returns true if the pattern matches a name that `foldCase` has folded. It never moves a segment that it has placed, so
 * the work is bounded by the product of both lengths, and by `effort`.
 *
 * @throws {MatchLimitError}
 */
export const matchesPattern = ({ segments }: Pattern, foldedName: string, effort: MatchEffort): boolean => {
  const last = segments.length - 1;
  let end = endOfMatch(segments[0] as Segment, foldedName, 0, effort);
  if (last === 0) return end === foldedName.length;
  for (let at = 1; at <= last && end !== NONE; at += 1) {
    end = endOfNextMatch(segments[at] as Segment, foldedName, end, at === last, effort);
  }
  return end !== NONE;
};

const NONE = -1;

/** Returns the end of the first match of a segment at or after `from`; with `toEnd` only of a match at the end of the name. */
const endOfNextMatch = (
  segment: Segment,
  name: string,
  from: number,
  toEnd: boolean,
  effort: MatchEffort,
): number => {
  if (segment.length === 0) return toEnd ? name.length : from;
  let start = nextCandidate(segment, name, from, effort);
  while (start !== NONE) {
    const end = endOfMatch(segment, name, start, effort);
    if (end !== NONE && (!toEnd || end === name.length)) return end;
    start = nextCandidate(segment, name, start + codePointLength(name, start), effort);
  }
  return NONE;
};

const nextCandidate = ([head]: Segment, name: string, from: number, effort: MatchEffort): number => {
  if (head === undefined || head === '?') return from < name.length ? from : NONE;
  const at = name.indexOf(head, from);
  effort.spend(LOOK_STEPS + (((at < 0 ? name.length : at) - from) >> 1));
  return at;
};

const endOfMatch = (segment: Segment, name: string, start: number, effort: MatchEffort): number => {
  let end = start;
  for (const token of segment) {
    effort.spend(LOOK_STEPS + (token.length >> 1));
    if (token === '?') {
      if (end >= name.length) return NONE;
      end += codePointLength(name, end);
    } else {
      if (!name.startsWith(token, end)) return NONE;
      end += token.length;
    }
  }
  return end;
};

/** Steps that count for a text search, in addition to its characters, two of which count as one step. */
const LOOK_STEPS = 3;
