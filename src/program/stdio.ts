import { existsSync, realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { isAbsolute } from 'node:path';
import { serverArgs } from '../protocol/server-args.ts';
import { describeInternal } from '../server/connection/describe-internal.ts';
import { serve } from '../server/connection/serve.ts';
import { GarbageCollector } from '../server/memory/garbage-collector.ts';
import { attempt } from '../system/attempt.ts';
import { bundlePath } from '../system/bundle.ts';
import { endProcess } from '../system/end-process.ts';
import { closeInheritable } from '../system/inherited-descriptors.ts';
import { openOutput } from '../system/output-descriptor.ts';
import { createThreads } from '../system/thread-pool.ts';
import { type Opening, openStdio } from './early-initialize.ts';

/** Set by the launcher; undeclared if this runs as a module. */
declare const opening: Opening | undefined;

/** Serves stdin and stdout of this process, and ends the process with the connection. */
export const runStdioServer = async (): Promise<never> => {
  // A closed stderr must not end the server and its processes.
  process.stderr.on('error', () => {});
  const log = (line: string) => void process.stderr.write(`exec-server: ${line}\n`);
  if (process.stdin.isTTY) log('expected a JSON-RPC client on stdin, found a terminal');

  const { host, problems, memoryBytes, logCalls, unread, answered, unsent } =
    typeof opening === 'undefined'
      ? openStdio(process.env, serverArgs(process.argv.slice(2)) ?? {})
      : opening;
  for (const problem of problems) log(problem);
  if (host.platform === 'linux' && !existsSync('/proc/self')) log(NO_PROC);
  // Before any process is started, so that none inherits descriptors of this process.
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
    logCalls,
    collector,
    program: ownProgram(),
    answered,
    mayKeep: true,
    exitWithinMs: EXIT_MS,
  });

  let exitCode = 0;
  const stop = (reason: string, code: number) => {
    exitCode ||= code;
    void server.stop(reason);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => stop(signal, 128 + constants.signals[signal]));
  }
  process.on('SIGHUP', () => {
    exitCode ||= 128 + constants.signals.SIGHUP;
    server.hangUp('SIGHUP');
  });
  // An internal error must not leave processes behind.
  process.on('uncaughtException', error => {
    log(`internal error: ${describeInternal(error)}`);
    stop('internal error', INTERNAL_ERROR);
  });
  await server.closed;
  return endProcess(exitCode);
};

/**
 * Node and the script of this server; `undefined` for a module, or if the path of Node is unknown, or not accessible, as
 * after an upgrade that has removed it.
 */
const ownProgram = (): readonly [string, string] | undefined => {
  const bundle = bundlePath();
  if (bundle === undefined || !isAbsolute(process.execPath)) return undefined;
  return attempt(() => [realpathSync(process.execPath), realpathSync(bundle)] as const);
};

const NO_PROC =
  '/proc is not mounted: processes that leave their process group cannot be found and killed, and sandboxes are not available';

/** Time for this process to exit after its connection has ended, in milliseconds; then the watchdog kills it. */
const EXIT_MS = 15_000;

// EX_SOFTWARE of sysexits.h.
const INTERNAL_ERROR = 70;
