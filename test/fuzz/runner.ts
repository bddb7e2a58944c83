import { setTimeout as delay } from 'node:timers/promises';
import { Client } from './client.ts';
import { Jail, type ProgramCopy, type Snapshot } from './jail.ts';
import type { Finding } from './oracle.ts';
import type { Script } from './script.ts';
import { settle } from './settle.ts';

/** The result of one script. */
export type Outcome = {
  readonly findings: readonly Finding[];
  /** The numbers of messages sent to and received from the server. */
  readonly sent: number;
  readonly received: number;
  /** The longest wait for the answer to a probe, in milliseconds. */
  readonly slowestMs: number;
  readonly peakBytes: number;
};

/** Runs a script against a new server, until the server and all of its processes have exited. */
export const run = async (script: Script, program: ProgramCopy): Promise<Outcome> => {
  const jail = await Jail.start(program);
  const client = new Client(jail, script.framing);
  const report = (kind: string, text: string) => client.oracle.findings.push({ kind, text });
  let peakBytes = 0;
  try {
    for (const step of script.steps) {
      if (!client.open) break;
      await client.send(step);
    }
    if (script.settle && client.open) await settle(client, jail, report);
    if (jail.end === undefined) ({ peakBytes } = await jail.inspect());
    if (peakBytes > MAX_RESIDENT_BYTES) report('memory', `${peakBytes} bytes resident`);
    await endConnection(script, client, jail, report);
    await checkLeftovers(script, jail, report);
  } catch (error) {
    report('harness', error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    if (jail.end === undefined) jail.abort();
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

const MAX_RESIDENT_BYTES = 512 * 1024 * 1024;
/** Longer than all bounded waits of a shutdown take on a loaded machine. */
const END_MS = 20_000;

const endConnection = async (
  { end }: Script,
  client: Client,
  jail: Jail,
  report: (kind: string, text: string) => void,
): Promise<void> => {
  const exitedEarly = jail.end;
  if (exitedEarly !== undefined) {
    if (!client.mayBeLost || exitedEarly !== 0)
      report('crash', `the server exited with ${exitedEarly}: ${jail.stderr}`);
    return;
  }
  if (end === 'eof') jail.stdin.end();
  else if (end === 'shutdown') await shutDown(client, jail);
  else if (end === 'brokenPipe') client.breakPipe();
  else await jail.kill(end);
  const over = await Promise.race([jail.ended, delay(END_MS, undefined, { ref: false })]);
  if (over === undefined) {
    report(
      'hang',
      `the server is still running ${END_MS} ms after ${end}: ${JSON.stringify(await jail.inspect())}`,
    );
    await jail.kill('SIGKILL');
    await jail.ended;
  } else if (!EXPECTED[end].includes(over)) {
    report('crash', `the server exited with ${over} after ${end}: ${jail.stderr}`);
  }
};

// The server exits without the end of its stdin, unless it cannot read the request or refuses it.
const shutDown = async (client: Client, jail: Jail): Promise<void> => {
  if (!(await client.shutDown())) jail.stdin.end();
};

const EXPECTED: Readonly<Record<Script['end'], ReadonlyArray<number | string>>> = {
  eof: [0],
  shutdown: [0],
  brokenPipe: [0],
  SIGTERM: [143],
  SIGKILL: ['SIGKILL'],
};

/** Waits until every process has exited and temporary files are removed, and reports those that remain. */
const checkLeftovers = async (
  { end }: Script,
  jail: Jail,
  report: (kind: string, text: string) => void,
): Promise<void> => {
  const deadline = performance.now() + END_MS;
  let snapshot = await jail.inspect();
  while (
    (leftoverProcesses(snapshot).length > 0 || snapshot.temporary.length > 0) &&
    performance.now() < deadline
  ) {
    await delay(20);
    snapshot = await jail.inspect();
  }
  if (leftoverProcesses(snapshot).length > 0)
    report('process', `left: ${JSON.stringify(leftoverProcesses(snapshot))}`);
  if (snapshot.temporary.length > 0) report('file', `left: ${snapshot.temporary.join(', ')}`);
  if (snapshot.unfinished.length > 0 && end !== 'SIGKILL')
    report('file', `left: ${snapshot.unfinished.join(', ')}`);
};

const leftoverProcesses = ({ processes, supervisor }: Snapshot) =>
  processes.filter(({ pid }) => pid !== 1 && pid !== supervisor);
