import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from './client.ts';
import { asObject } from './frames.ts';
import type { Jail, Snapshot } from './jail.ts';

/**
 * Ends all processes, handles and watches of a script, and waits until no process, outstanding answer or descriptor is
 * left.
 */
export const settle = async (
  client: Client,
  jail: Jail,
  report: (kind: string, text: string) => void,
): Promise<void> => {
  await client.probe();
  for (const deadline = performance.now() + SETTLE_MS; client.open; await delay(20)) {
    // Repeated, because a late answer without a request may report another handle or process.
    const running = await endProcesses(client);
    await closeFiles(client);
    const { outstanding } = client.oracle.ledger;
    const snapshot = await jail.inspect();
    if (running === 0 && outstanding.length === 0 && isIdle(snapshot)) return client.probe();
    if (performance.now() < deadline) continue;
    if (running > 0) report('unclosed', `${running} processes after ${SETTLE_MS} ms`);
    else if (outstanding.length > 0) report('unanswered', JSON.stringify(outstanding).slice(0, 600));
    else report('descriptor', `left: ${snapshot.descriptors.join(', ')}`);
    return;
  }
};

const SETTLE_MS = 15_000;

/** Ends all processes. Returns the number of those that are not closed yet. */
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

const isIdle = ({ descriptors, processes }: Snapshot): boolean => {
  const sandboxes = processes.filter(({ name, parent }) => name === 'bwrap' && parent > 1).length;
  const files = descriptors.filter(path => path.startsWith('/') && !IDLE_FILES.some(idle => idle.test(path)));
  return files.length === 0 && descriptors.length <= MAX_IDLE_DESCRIPTORS + sandboxes * SANDBOX_DESCRIPTORS;
};

/** Files that an idle server has open; the last one is the system call filter for sandboxes. */
const IDLE_FILES = [/^\/dev\/null$/, /^\/fuzz\/program\//, /^\/dev\/shm\/\S+ \(deleted\)$/];
/** Descriptors of an idle server: its streams, its event loop, its threads, the watchdog and a watch. */
const MAX_IDLE_DESCRIPTORS = 24;
/** The streams of one sandboxed file server. */
const SANDBOX_DESCRIPTORS = 4;
