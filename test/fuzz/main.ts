import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { copyProgram, jailUnavailable } from './jail.ts';
import { type Outcome, run } from './runner.ts';
import { FRAMINGS, type Framing, readScript, type Script, writeScript } from './script.ts';
import { scriptOf } from './scripts.ts';
import { shorten } from './shorten.ts';

/** Options: `--keep` continues after a finding, `--verbose` prints each script before it runs. */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string', default: '5' },
    framing: { type: 'string' },
    replay: { type: 'string' },
    keep: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

const print = (line: string) => void process.stdout.write(`${line}\n`);

const framings = (): readonly Framing[] => {
  if (values.framing === undefined) return FRAMINGS;
  const chosen = FRAMINGS.filter(framing => framing === values.framing);
  if (chosen.length === 0)
    throw new Error(`--framing: expected ${FRAMINGS.join(', ')}, received ${values.framing}`);
  return chosen;
};

const number = (name: string, text: string): number => {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new Error(`--${name}: expected a number, received ${text}`);
  return Number(text);
};

const reason = jailUnavailable();
if (reason !== undefined) throw new Error(reason);
const program = copyProgram();
process.on('exit', () => program.remove());
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
if (process.getuid?.() !== 0) print('not root: the server runs as this account, in its own namespaces');

/** True if the script leads to a finding of this kind. */
const failsWith = (kind: string) => async (script: Script) =>
  (await run(script, program)).findings.some(finding => finding.kind === kind);

/** The kind of the first finding of a script. One that a busy machine may cause counts only if it is repeatable. */
const confirmed = async (script: Script, { findings }: Outcome): Promise<string | undefined> => {
  const certain = findings.find(({ kind }) => !CAUSED_BY_LOAD.includes(kind));
  if (certain !== undefined) return certain.kind;
  const [first] = findings;
  return first !== undefined && (await failsWith(first.kind)(script)) ? first.kind : undefined;
};

const CAUSED_BY_LOAD: readonly string[] = ['stall', 'resync'];

const report = async (script: Script, name: string, outcome: Outcome): Promise<boolean> => {
  const kind = await confirmed(script, outcome);
  for (const finding of outcome.findings.slice(0, SHOWN_FINDINGS))
    print(`${kind ? '' : 'unconfirmed '}${finding.kind}: ${finding.text}`);
  if (kind === undefined) return false;
  const short = await shorten(script, failsWith(kind), SHORTENING_MS);
  const path = join(tmpdir(), `exec-server-fuzz-${name}.jsonl`);
  writeScript(path, short);
  print(
    `${short.steps.length} of ${script.steps.length} steps reproduce it: npm run fuzz -- --replay ${path}`,
  );
  return true;
};

const SHOWN_FINDINGS = 4;
const SHORTENING_MS = 30_000;

const replay = async (path: string): Promise<boolean> => {
  const { findings, ...figures } = await run(readScript(path), program);
  for (const { kind, text } of findings) print(`${kind}: ${text}`);
  print(`${findings.length} findings, ${JSON.stringify(figures)}`);
  return findings.length > 0;
};

const fuzz = async (): Promise<boolean> => {
  const first = number('seed', values.seed ?? String(Math.floor(Math.random() * 2 ** 30)));
  const until = performance.now() + number('minutes', values.minutes) * 60_000;
  const chosen = framings();
  print(`seed ${first}, ${chosen.join(', ')}`);
  const total = { scripts: 0, sent: 0, received: 0, slowestMs: 0, peakBytes: 0 };
  let failed = false;
  for (let seed = first; performance.now() < until && (values.keep || !failed); seed += 1) {
    for (const framing of chosen) {
      const script = scriptOf(seed, framing);
      if (values.verbose) print(`${seed} ${framing}: ${script.steps.length} steps`);
      const outcome = await run(script, program);
      total.scripts += 1;
      total.sent += outcome.sent;
      total.received += outcome.received;
      total.slowestMs = Math.max(total.slowestMs, Math.round(outcome.slowestMs));
      total.peakBytes = Math.max(total.peakBytes, outcome.peakBytes);
      if (outcome.findings.length === 0) continue;
      print(`seed ${seed}, ${framing}:`);
      failed = (await report(script, `${seed}-${framing}`, outcome)) || failed;
    }
  }
  print(`${failed ? 'findings' : 'no finding'}: ${JSON.stringify(total)}`);
  return failed;
};

process.exitCode = (await (values.replay === undefined ? fuzz() : replay(values.replay))) ? 1 : 0;
program.remove();
