import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from './client.ts';
import { asObject } from './frames.ts';
import type { Jail, Look } from './jail.ts';

/**
 * Ends everything that a script has begun, and waits until nothing is left of it: no process, no answer that is owed,
 * no descriptor.
 */
export const settle = async (
  client: Client,
  jail: Jail,
  found: (kind: string, text: string) => void,
): Promise<void> => {
  await client.probe();
  for (const patience = performance.now() + SETTLE_MS; client.open; await delay(20)) {
    // Again each time: an answer that is not owed may say late that there is something.
    const running = await endProcesses(client);
    await closeFiles(client);
    const { outstanding } = client.oracle.ledger;
    const look = await jail.look();
    if (running === 0 && outstanding.length === 0 && isQuiet(look)) return client.probe();
    if (performance.now() < patience) continue;
    if (running > 0) found('unclosed', `${running} processes after ${SETTLE_MS} ms`);
    else if (outstanding.length > 0) found('unanswered', JSON.stringify(outstanding).slice(0, 600));
    else found('descriptor', `left: ${look.descriptors.join(', ')}`);
    return;
  }
};

const SETTLE_MS = 15_000;

/** @returns how many there still are */
const endProcesses = async (client: Client): Promise<number> => {
  const { processes } = asObject((await client.call('process/list'))?.result) ?? {};
  const listed = (Array.isArray(processes) ? processes : []).filter(({ state }) => state !== 'closed');
  const seqs = new Map(client.oracle.order.unclosed);
  for (const { processId } of listed) {
    const seq = seqs.get(processId);
    if (seq !== undefined) await client.call('process/acknowledge', { processId, seq });
    await client.call('process/signal', { processId, signal: 'KILL', target: 'tree' });
    await client.call('process/terminate', { processId });
  }
  return listed.length;
};

const closeFiles = async (client: Client): Promise<void> => {
  for (const handleId of client.handles) {
    await client.call('fs/close', { handleId, discard: true });
    client.handles.delete(handleId);
  }
  await client.call('fs/watchMissing', { watchId: Number.MAX_SAFE_INTEGER, missing: [] });
};

const isQuiet = ({ descriptors, processes }: Look): boolean => {
  const sandboxes = processes.filter(({ name, parent }) => name === 'bwrap' && parent > 1).length;
  const files = descriptors.filter(path => path.startsWith('/') && !QUIET.some(quiet => quiet.test(path)));
  return files.length === 0 && descriptors.length <= MAX_QUIET + sandboxes * SANDBOX_DESCRIPTORS;
};

/** Files that a server has open also when it does nothing; the last is the filter of system calls for sandboxes. */
const QUIET = [/^\/dev\/null$/, /^\/fuzz\/program\//, /^\/dev\/shm\/\S+ \(deleted\)$/];
/** Its streams, those of the event loop and of its threads, the watchdog, a watch. */
const MAX_QUIET = 24;
/** The streams of a server in a sandbox. */
const SANDBOX_DESCRIPTORS = 4;
