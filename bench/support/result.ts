import { cpus, platform, release, totalmem } from 'node:os';
import { basename } from 'node:path';
import type { Metric, Question, Server } from './question.ts';

/** What a contestant did, round by round. */
export type Track = {
  readonly name: string;
  readonly role: 'floor' | 'ours' | 'peer';
  /** What was run, without directories. */
  readonly command: string;
  /** Of each metric the value of each round; `null` where a round gave none. */
  readonly samples: Readonly<Record<string, ReadonlyArray<number | null>>>;
};

/** All that is known of one question, as it is written to `bench/results`. */
export type Result = {
  readonly name: string;
  readonly asks: string;
  readonly floor: string;
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  readonly quick: boolean;
  readonly rounds: number;
  readonly metrics: readonly Metric[];
  readonly tracks: readonly Track[];
  /** What could not be measured, and why. */
  readonly notes: readonly string[];
};

export const machine = (): string => {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${memory} GiB, ${platform()} ${release().split('-')[0]}`;
};

/** The command of a server, by which it can be recognised on another machine. */
export const commandOf = ({ argv }: Server): string => argv.map(word => basename(word)).join(' ');

/** The values of one metric, those that are there. */
export const samplesOf = (track: Track, metric: string): number[] =>
  (track.samples[metric] ?? []).filter(value => value !== null);

/** The metrics that any contestant has a value of. */
export const measuredMetrics = ({ metrics, tracks }: Result): Metric[] =>
  metrics.filter(({ id }) => tracks.some(track => samplesOf(track, id).length > 0));

/** How many times the floor's value of the same round, for each round that has both. */
export const ratios = (result: Pick<Result, 'tracks'>, track: Track, metric: string): number[] => {
  const floor = result.tracks.find(({ role }) => role === 'floor');
  return floor === undefined || floor === track
    ? []
    : quotients(track.samples[metric], floor.samples[metric]);
};

type Samples = ReadonlyArray<number | null> | undefined;

/** Each value through the other one of its round. */
export const quotients = (values: Samples = [], others: Samples = []): number[] =>
  values.flatMap((value, round) => {
    const other = others[round];
    return value === null || other === null || other === undefined || other === 0 ? [] : [value / other];
  });

/** The questions' own part of a result. */
export const describeQuestion = ({ name, asks, floor, metrics }: Question) => ({
  name,
  asks,
  floor,
  metrics,
});
