import { killLeftServers } from './client.ts';
import type { Question, Runner, Sample, Server, Setting } from './question.ts';
import { commandOf, describeQuestion, machine, type Result, type Track } from './result.ts';

export type MeasureOptions = {
  readonly servers: readonly Server[];
  readonly rounds: number;
  readonly quick: boolean;
  readonly starts: number;
  /** Told before each turn. */
  progress(round: number, contestant: string): void;
};

/**
 * Lets the floor and the servers take turns, so that a slow moment of the machine hits all alike; the first of a
 * round is another one each time. A contestant that fails is out, with a note.
 */
export const measure = async (question: Question, options: MeasureOptions): Promise<Result> => {
  const notes = new Set<string>();
  const setting: Setting = { ...options, note: text => void notes.add(text) };
  const arena = await question.open(setting);
  const contestants: Contestant[] = [];
  const enter = async (name: string, open: () => Promise<Runner>, about: Pick<Track, 'role' | 'command'>) => {
    const contestant: Contestant = { name, ...about, runner: undefined, rounds: [] };
    contestants.push(contestant);
    await attempt(contestant, notes, 'could not be measured', async () => {
      contestant.runner = await open();
    });
  };
  try {
    if (arena.floor) await enter('floor', arena.floor, { role: 'floor', command: question.floor });
    for (const server of options.servers) {
      await enter(server.name, () => arena.through(server), {
        role: server.role,
        command: commandOf(server),
      });
    }
    for (let round = 0; round < options.rounds; round += 1) {
      for (let turn = 0; turn < contestants.length; turn += 1) {
        const contestant = contestants[(round + turn) % contestants.length] as Contestant;
        const { runner } = contestant;
        if (runner === undefined) continue;
        options.progress(round + 1, contestant.name);
        await attempt(contestant, notes, `failed in round ${round + 1}`, async () => {
          contestant.rounds[round] = await withinDeadline(runner.run());
        });
      }
    }
  } finally {
    for (const { runner } of contestants) await runner?.close?.();
    killLeftServers();
    await arena.close?.();
  }
  return {
    ...describeQuestion(question),
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    node: process.version,
    quick: options.quick,
    rounds: options.rounds,
    tracks: contestants.map(contestant => trackOf(question, contestant, options.rounds)),
    notes: [...notes],
  };
};

type Contestant = Pick<Track, 'name' | 'role' | 'command'> & {
  runner: Runner | undefined;
  readonly rounds: Sample[];
};

const attempt = async (
  contestant: Contestant,
  notes: Set<string>,
  what: string,
  work: () => Promise<void>,
): Promise<void> => {
  try {
    await work();
  } catch (error) {
    notes.add(`${contestant.name} ${what}: ${(error as Error).message}`);
    const { runner } = contestant;
    contestant.runner = undefined;
    await runner?.close?.();
  }
};

const withinDeadline = async (sample: Promise<Sample>): Promise<Sample> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
  try {
    return await Promise.race([sample, late]);
  } finally {
    clearTimeout(timer);
  }
};

const DEADLINE_MS = 180_000;

const trackOf = (
  { metrics }: Question,
  { name, role, command, rounds }: Contestant,
  count: number,
): Track => ({
  name,
  role,
  command,
  samples: Object.fromEntries(
    metrics
      .map(({ id }) => [id, Array.from({ length: count }, (_, round) => short(rounds[round]?.[id]))] as const)
      .filter(([, values]) => values.some(value => value !== null)),
  ),
});

/** Four digits say all that a measurement does. */
const short = (value: number | undefined): number | null =>
  value === undefined || !Number.isFinite(value) ? null : Number(value.toPrecision(4));
