import { PassThrough, type Readable } from 'node:stream';
import { Outbound } from '../../../../src/server/connection/outbound.ts';
import { MemoryBudget } from '../../../../src/server/memory/memory-budget.ts';
import type { Child } from '../../../../src/server/process/child.ts';
import { ManagedProcess } from '../../../../src/server/process/managed-process.ts';
import { ProcessMemory } from '../../../../src/server/process/process-memory.ts';
import type { ProcessOptions } from '../../../../src/server/process/start/process-options.ts';
import type { ProcessGroups } from '../../../../src/system/process-groups.ts';
import { SlowClient, settle } from '../../support/slow-client.ts';

const DEFAULTS: ProcessOptions = {
  processId: 'p',
  argv0: 'program',
  tty: false,
  timeoutMs: undefined,
  killGraceMs: 60_000,
  drainMs: 60_000,
  headTailBytes: undefined,
  windowBytes: Number.POSITIVE_INFINITY,
  retainedBytes: 1024 * 1024,
};

export type FakeOptions = Partial<ProcessOptions> & {
  /** The streams that other processes may hold. */
  readonly pinStreams?: Child['pinStreams'];
  /** Replaces the stdout that the test writes. */
  readonly realStdout?: Readable;
};

/** A managed process with a simulated child and client. */
export const fakeProcess = ({ pinStreams = () => [], realStdout, ...options }: FakeOptions = {}) => {
  const client = new SlowClient();
  const outbound = new Outbound(client.writer);
  const memory = new ProcessMemory(new MemoryBudget(Number.POSITIVE_INFINITY));
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const signals: NodeJS.Signals[] = [];
  let alive = true;
  const exitListeners: Array<Parameters<Child['onExit']>[0]> = [];
  const child: Child = {
    pid: 4242,
    stdin,
    outputs: { stdout: realStdout ?? stdout, stderr },
    pinStreams,
    onExit: listener => void exitListeners.push(listener),
    resize: () => {},
    cut: () => {
      for (const stream of [stdin, realStdout ?? stdout, stderr]) stream.destroy();
    },
  };
  const groups: ProcessGroups = {
    detached: true,
    signal: (_leader, signal) => void signals.push(signal),
    isAlive: () => alive,
    hasLeader: () => alive,
  };
  const managed = new ManagedProcess(child, { ...DEFAULTS, ...options }, { outbound, groups, memory });
  return {
    managed,
    client,
    outbound,
    stdin,
    stdout,
    stderr,
    /** Signals that its group received. */
    signals,
    exit: (code: number | null, signal: NodeJS.Signals | null = null) => {
      alive = false;
      for (const listener of exitListeners) listener(code, signal);
    },
    /** Writes to stdout and waits until that was read. */
    print: async (text: string) => {
      stdout.write(text);
      await settle();
    },
    endStreams: async () => {
      stdout.end();
      stderr.end();
      await settle();
    },
  };
};
