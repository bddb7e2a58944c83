// Runs the benchmarks in this folder; see `npm run bench -- --help`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type MeasureOptions, measure } from './support/measure.ts';
import { type Options, parseOptions, USAGE } from './support/options.ts';
import { writePage } from './support/page.ts';
import { plot } from './support/plot.ts';
import { printed } from './support/print.ts';
import type { Server } from './support/question.ts';
import { questions } from './support/questions.ts';
import type { Result } from './support/result.ts';

const ours: Server = {
  name: 'exec-server',
  role: 'ours',
  framing: 'lsp',
  argv: [process.execPath, fileURLToPath(new URL('../dist/exec-server.cjs', import.meta.url)), '--stdio'],
};

// Node parses these certificates at each start, which would be most of the measured time of a start.
delete process.env.NODE_EXTRA_CA_CERTS;

const main = async (args: readonly string[]): Promise<number> => {
  if (args.includes('--help')) {
    process.stdout.write(`${USAGE}\nquestions:\n`);
    for (const { name, asks } of questions) process.stdout.write(`  ${name.padEnd(16)} ${asks}\n`);
    return 0;
  }
  const options = parseOptions(args, questions);
  const results: Result[] = [];
  for (const question of options.only) {
    const rounds = options.rounds ?? (options.quick ? 2 : question.rounds);
    const result = await measure(question, { ...options, ...turns(question.name, rounds, options) });
    results.push(result);
    if (process.stderr.isTTY) process.stderr.write(CLEAR);
    if (options.out !== undefined) await write(options.out, result);
    if (!options.json) process.stdout.write(`${printed(result)}\n`);
  }
  if (options.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  if (options.page && options.out !== undefined) writePage(options.out);
  const failed = results.filter(({ tracks }) =>
    tracks.some(({ role, samples }) => role === 'ours' && Object.keys(samples).length === 0),
  );
  return failed.length > 0 ? 1 : 0;
};

const turns = (
  name: string,
  rounds: number,
  { peers }: Options,
): Pick<MeasureOptions, 'servers' | 'rounds' | 'progress'> => ({
  servers: [ours, ...peers],
  rounds,
  progress: (round, contestant) => {
    if (!process.stderr.isTTY) return;
    process.stderr.write(`${CLEAR}${name}: round ${round} of ${rounds}, ${contestant}`);
  },
});

/** Back to the beginning of the line, and nothing in it. */
const CLEAR = '\r\x1b[K';

const write = async (directory: string, result: Result): Promise<void> => {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${result.name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  writeFileSync(join(directory, `${result.name}.svg`), await plot(result));
};

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof RangeError)) throw error;
  process.stderr.write(`${error.message}\n${USAGE}\n`);
  process.exitCode = 2;
}
