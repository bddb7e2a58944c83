import { setTimeout as delay } from 'node:timers/promises';
import { Client } from './client.ts';
import { type Cell, Jail, type Look } from './jail.ts';
import type { Finding } from './oracle.ts';
import type { Script } from './script.ts';
import { settle } from './settle.ts';

/** Result of one script. */
export type Outcome = {
  readonly findings: readonly Finding[];
  /** Messages that were sent and that came. */
  readonly sent: number;
  readonly received: number;
  /** The longest answer to a probe, in milliseconds. */
  readonly slowestMs: number;
  readonly peakBytes: number;
};

/** Runs a script against a server of its own, from its start to the end of all that it started. */
export const run = async (script: Script, cell: Cell): Promise<Outcome> => {
  const jail = await Jail.start(cell);
  const client = new Client(jail, script.framing);
  const found = (kind: string, text: string) => client.oracle.findings.push({ kind, text });
  let peakBytes = 0;
  try {
    for (const step of script.steps) {
      if (!client.open) break;
      await client.send(step);
    }
    if (script.settle && client.open) await settle(client, jail, found);
    if (jail.end === undefined) ({ peakBytes } = await jail.look());
    if (peakBytes > MAX_BYTES) found('memory', `${peakBytes} bytes resident`);
    await endConnection(script, client, jail, found);
    await nothingLeft(script, jail, found);
  } catch (error) {
    found('harness', error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    if (jail.end === undefined) jail.abandon();
    else await jail.close();
  }
  client.finish();
  return {
    findings: client.oracle.findings,
    sent: client.sent,
    received: client.oracle.count,
    slowestMs: client.slowestMs,
    peakBytes,
  };
};

const MAX_BYTES = 512 * 1024 * 1024;
/** More than any of the bounded waits of a shutdown takes on a loaded machine. */
const END_MS = 20_000;

const endConnection = async (
  { end }: Script,
  client: Client,
  jail: Jail,
  found: (kind: string, text: string) => void,
): Promise<void> => {
  const early = jail.end;
  if (early !== undefined) {
    if (!client.mayBeLost || early !== 0) found('crash', `the server ended with ${early}: ${jail.stderr}`);
    return;
  }
  if (end === 'eof') jail.stdin.end();
  else if (end === 'brokenPipe') client.breakPipe();
  else await jail.kill(end);
  const over = await Promise.race([jail.ended, delay(END_MS, undefined, { ref: false })]);
  if (over === undefined) {
    found('hang', `the server still runs ${END_MS} ms after ${end}: ${JSON.stringify(await jail.look())}`);
    await jail.kill('SIGKILL');
    await jail.ended;
  } else if (!EXPECTED[end].includes(over)) {
    found('crash', `the server ended with ${over} after ${end}: ${jail.stderr}`);
  }
};

const EXPECTED: Readonly<Record<Script['end'], ReadonlyArray<number | string>>> = {
  eof: [0],
  brokenPipe: [0],
  SIGTERM: [143],
  SIGKILL: ['SIGKILL'],
};

/** Waits for the end of every process, and looks for files. */
const nothingLeft = async (
  { end }: Script,
  jail: Jail,
  found: (kind: string, text: string) => void,
): Promise<void> => {
  const patience = performance.now() + END_MS;
  let look = await jail.look();
  while ((strangers(look).length > 0 || look.temporary.length > 0) && performance.now() < patience) {
    await delay(20);
    look = await jail.look();
  }
  if (strangers(look).length > 0) found('process', `left: ${JSON.stringify(strangers(look))}`);
  if (look.temporary.length > 0) found('file', `left: ${look.temporary.join(', ')}`);
  if (look.unfinished.length > 0 && end !== 'SIGKILL') found('file', `left: ${look.unfinished.join(', ')}`);
};

const strangers = ({ processes, supervisor }: Look) =>
  processes.filter(({ pid }) => pid !== 1 && pid !== supervisor);
