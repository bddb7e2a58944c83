import { parseArgs } from 'node:util';
import { codexServers } from './codex.ts';
import type { Question, Server } from './question.ts';

export type Options = {
  readonly only: readonly Question[];
  /** Rounds of every question; unless given, each has its own number. */
  readonly rounds: number | undefined;
  readonly peers: readonly Server[];
  readonly starts: number;
  readonly quick: boolean;
  readonly json: boolean;
  /** Where results are written; `undefined`: nowhere. */
  readonly out: string | undefined;
  /** Whether to put the results into docs/performance.md. */
  readonly page: boolean;
};

export const USAGE = `usage: npm run bench -- [options]
  --only NAME,…      these questions alone
  --rounds N         so many rounds of each
  --peer NAME=FRAMING:COMMAND
                     another server to measure; FRAMING is lsp (Content-Length) or ndjson (lines), COMMAND is split at
                     spaces; may be given several times
  --codex            measure Codex's own server, too: by default (codex), and with --concurrent-requests 64 (codex-64)
  --starts N         how many processes \`sequential\` starts (10000)
  --quick            little of everything, to see that it works; writes only where --out says
  --out DIR          where the results go (bench/results)
  --page             put all results there are into docs/performance.md
  --json             print the results as one JSON document`;

/** @throws {RangeError} that says which option is wrong, what was expected and what came */
export const parseOptions = (
  args: readonly string[],
  questions: readonly Question[],
  codex: () => readonly Server[] = codexServers,
): Options => {
  const values = parsed(args);
  if (values.page && values.quick) throw new RangeError('--page: expected a full run, got --quick');
  return {
    only: values.only === undefined ? questions : chosen(values.only, questions),
    rounds: values.rounds === undefined ? undefined : positive('--rounds', values.rounds),
    peers: distinct([...(values.codex ? codex() : []), ...(values.peer ?? []).map(peer)]),
    starts: positive('--starts', values.starts ?? '10000'),
    quick: values.quick ?? false,
    json: values.json ?? false,
    out: values.out ?? (values.quick ? undefined : 'bench/results'),
    page: values.page ?? false,
  };
};

const parsed = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: { type: 'string' },
        rounds: { type: 'string' },
        peer: { type: 'string', multiple: true },
        codex: { type: 'boolean' },
        starts: { type: 'string' },
        quick: { type: 'boolean' },
        json: { type: 'boolean' },
        out: { type: 'string' },
        page: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new RangeError((error as Error).message, { cause: error });
  }
};

const chosen = (names: string, questions: readonly Question[]): Question[] =>
  names.split(',').map(name => {
    const question = questions.find(candidate => candidate.name === name);
    if (question !== undefined) return question;
    throw new RangeError(`--only: expected ${questions.map(({ name }) => name).join(', ')}; got ${name}`);
  });

const positive = (option: string, text: string): number => {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new RangeError(`${option}: expected a number from 1 to 9999999, got ${JSON.stringify(text)}`);
};

const peer = (text: string): Server => {
  const [, name, framing, command = ''] = /^([\w.-]+)=(lsp|ndjson):(.+)$/.exec(text) ?? [];
  const [program, ...args] = command.split(' ').filter(word => word !== '');
  if (name === undefined || program === undefined) {
    throw new RangeError(
      `--peer: expected NAME=lsp:COMMAND or NAME=ndjson:COMMAND, got ${JSON.stringify(text)}`,
    );
  }
  return { name, role: 'peer', framing: framing as Server['framing'], argv: [program, ...args] };
};

const distinct = (peers: readonly Server[]): readonly Server[] => {
  const names = ['floor', 'exec-server', ...peers.map(({ name }) => name)];
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new RangeError(`--peer: expected names that differ, got ${twice} twice`);
  return peers;
};
