import { existsSync, realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { isAbsolute } from 'node:path';
import { describeInternal } from '../server/connection/describe-internal.ts';
import { serve } from '../server/connection/serve.ts';

import { GarbageCollector } from '../server/memory/garbage-collector.ts';
import { serverArgs } from '../server/server-args.ts';
import { endProcess } from '../system/end-process.ts';
import { closeInheritable } from '../system/inherited-descriptors.ts';
import { openOutput } from '../system/output-descriptor.ts';
import { createThreads } from '../system/thread-pool.ts';
import { type Opening, openStdio } from './early-initialize.ts';

/** How far the launcher has come with the connection; there is none for a module. */
declare const opening: Opening | undefined;

/** Serves this process's stdin and stdout, and ends the process with the connection. */
export const runStdioServer = async (): Promise<never> => {
  // A client that closed our stderr must not end us, and with us its processes.
  process.stderr.on('error', () => {});
  const log = (line: string) => void process.stderr.write(`exec-server: ${line}\n`);
  if (process.stdin.isTTY)
    log('speaking JSON-RPC on stdin and stdout; a client is expected there, not a person');

  const { host, problems, memoryBytes, unread, answered, unsent } =
    typeof opening === 'undefined'
      ? openStdio(process.env, serverArgs(process.argv.slice(2)) ?? {})
      : opening;
  for (const problem of problems) log(problem);
  if (host.platform === 'linux' && !existsSync('/proc/self')) log(NO_PROC);
  // Before anything is started: no child has what this process was started with.
  closeInheritable();
  createThreads();
  const output = openOutput('stdout');
  if (unread !== undefined) process.stdin.unshift(unread);
  if (unsent !== undefined && unsent.length > 0) output.write(unsent);
  const collector = new GarbageCollector();
  const server = serve({
    input: process.stdin,
    output,
    host,
    log,
    memoryBytes,
    collector,
    program: ownProgram(),
    answered,
    exitWithinMs: EXIT_MS,
  });

  let exitCode = 0;
  const stop = (reason: string, code: number) => {
    exitCode ||= code;
    void server.stop(reason);
  };
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) {
    process.on(signal, () => stop(signal, 128 + constants.signals[signal]));
  }
  // A defect here must not leave children behind.
  process.on('uncaughtException', error => {
    log(`internal error: ${describeInternal(error)}`);
    stop('internal error', INTERNAL_ERROR);
  });
  await server.closed;
  return endProcess(exitCode);
};

/** Files that make a server like this one; `undefined` for a module, and where Node does not know its own path. */
const ownProgram = (): readonly [string, string] | undefined => {
  if (import.meta.url || !isAbsolute(process.execPath)) return undefined;
  return [realpathSync(process.execPath), realpathSync(__filename)];
};

const NO_PROC =
  '/proc is not mounted: processes that left their group are not found when they have to be ended, and nothing runs in a sandbox';

/** Time for this process to exit after its connection has ended, in milliseconds; then the watchdog kills it. */
const EXIT_MS = 15_000;

// EX_SOFTWARE of sysexits.h.
const INTERNAL_ERROR = 70;
