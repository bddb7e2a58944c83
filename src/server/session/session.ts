import { dirname } from 'node:path';
import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import { environmentWaiting } from '../../protocol/environment.ts';
import { MAX_FRAME_BYTES } from '../../protocol/limits.ts';
import type { Requests } from '../../protocol/messages.ts';
import { Lazy } from '../../system/lazy.ts';
import { Watchdog } from '../../system/watchdog.ts';
import { announcedLimits } from '../announced-limits.ts';
import { ConnectionVariables } from '../environment/connection-variables.ts';
import type { Host } from '../environment/host.ts';
import { loginShell } from '../environment/login/ask-shell.ts';
import { BaseEnvs } from '../environment/login/base-env.ts';
import { LOGIN_SHELL_MS } from '../environment/login/limits.ts';
import { AnswerMemory } from '../memory/answer-memory.ts';
import { MEMORY_BYTES } from '../memory/limits.ts';
import { type Collector, MemoryBudget } from '../memory/memory-budget.ts';
import { PartialAnswers } from '../memory/partial-answers.ts';
import type { Outlet } from '../outlet.ts';
import {
  MAX_PROCESSES,
  MAX_RETAINED_BYTES,
  MAX_RETAINED_MS,
  RETAINED_BYTES,
  RETAINED_MS,
} from '../process/limits.ts';
import { Processes } from '../process/processes.ts';
import { Sandboxes } from '../sandbox/sandboxes.ts';
import { createHandlers, type SessionHandlers } from './handlers.ts';
import { initializeResult } from './initialize-result.ts';
import { createNamedPipes, memoryDirectory } from './named-pipes.ts';
import { newSessionId } from './session-id.ts';
import { statusReporter } from './status.ts';

export type SessionOptions = {
  /** Default: a new one. */
  readonly id?: string | undefined;
  readonly outlet: Outlet;
  readonly host: Host;
  /** Receives one line at a time for the user; never a value of an environment variable. */
  readonly log: (line: string) => void;
  /** Longest frame, in bytes. Default: the limit of the protocol. */
  readonly maxFrameBytes?: number | undefined;
  /** Processes that are not closed; a start beyond it is refused. Default: 4096. */
  readonly maxProcesses?: number | undefined;
  /** Memory that the session and its connection may use, in bytes. Default: 192 MiB. */
  readonly memoryBytes?: number | undefined;
  /** Collects garbage when memory is short or the server idle. Default: left to V8. */
  readonly collector?: Collector | undefined;
  /** Node and the script that starts a server like this one with `--stdio`, for sandboxed file requests. */
  readonly program?: readonly [string, string] | undefined;
  /** Time for a login shell to print its environment, in milliseconds. Default: 10,000. */
  readonly loginShellMs?: number | undefined;
};

/** Everything that a client has on a server: processes, open files, HTTP requests, base environments. */
export type Session = {
  readonly handlers: SessionHandlers;
  /** Memory of the session, on which its connection draws, too. */
  readonly budget: MemoryBudget;
  /** Variables of the connection, which another one may replace. */
  readonly connectionVariables: ConnectionVariables;
  /** Applies the defaults that a client chooses for its processes, and builds the answer to `initialize`. */
  initialize(params: InitializeParams, binaryFrames: boolean): ResultIn<Requests['initialize']>;
  /** Prepares what the first start would wait for. */
  prepare(): void;
  /**
   * Ends all that was started. Resolves when nothing of it is left.
   *
   * @param exitWithinMs time for this process to exit afterwards before the watchdog kills it; `undefined` for never
   */
  stop(exitWithinMs: number | undefined): Promise<void>;
};

type InitializeParams = ParamsOut<Requests['initialize']>;

/** Creates a session. It outlives no process of the server, but may outlive the connection behind its outlet. */
export const createSession = (options: SessionOptions): Session => {
  const { id = newSessionId(), outlet, host, log, program } = options;
  const {
    maxFrameBytes = MAX_FRAME_BYTES,
    maxProcesses = MAX_PROCESSES,
    memoryBytes = MEMORY_BYTES,
  } = options;
  const budget = new MemoryBudget(memoryBytes, options.collector);
  const answers = new AnswerMemory(budget, outlet);
  const parts = new PartialAnswers(budget.share('parts'));
  const watchdog = new Watchdog({ log, platform: host.platform });
  const pipes = createNamedPipes(host, watchdog);
  const connectionVariables = new ConnectionVariables(host.env);
  const baseEnvs = new BaseEnvs(
    host.env,
    loginShell({
      host,
      watchdog,
      log,
      onSlow: slow => {
        log(`waiting for ${slow.shell} to print its environment (${slow.base}), ${slow.waitedMs} ms so far`);
        outlet.notify(environmentWaiting, { ...slow, running: [...slow.running] });
      },
      deadlineMs: options.loginShellMs,
    }),
    connectionVariables,
  );
  const sandboxes = new Sandboxes(host, () => ({
    hidden: pipes?.directory === undefined ? [] : [pipes.directory],
    // The program and the code compiled from it, which the next server runs.
    guarded: program === undefined ? [] : [dirname(program[1])],
  }));
  const files = new Lazy(async () => {
    const { createFileService } = await import('../file-service.ts');
    const { platform } = host;
    const outbound = outlet;
    const context = { platform, outbound, answers, parts, maxFrameBytes, sandboxes, watchdog, program };
    return createFileService(context);
  });
  const snapshots = new Lazy(async () => {
    const { ShellSnapshots } = await import('../environment/snapshot/shell-snapshots.ts');
    const { platform, tempDir, homeDir } = host;
    const directory = memoryDirectory(tempDir);
    const deadlineMs = options.loginShellMs ?? LOGIN_SHELL_MS;
    return new ShellSnapshots({ platform, tempDir, homeDir, directory, watchdog, log, deadlineMs });
  });
  const processes = new Processes({
    host,
    outbound: outlet,
    pipes,
    watchdog,
    baseEnvs,
    snapshots,
    maxProcesses,
    sandboxes,
    budget,
    answers,
  });
  let stopping = false;
  const http = new Lazy(async () => {
    const { HttpRequests } = await import('../http/http-requests.ts');
    const requests = new HttpRequests(host, outlet, answers, parts);
    if (stopping) requests.stop();
    return requests;
  });
  const status = statusReporter(() => ({
    queuedBytes: outlet.queuedBytes,
    processes: processes.count,
    memory: budget.use,
  }));
  const limits = announcedLimits({ frameBytes: maxFrameBytes, processes: maxProcesses, memoryBytes });

  return {
    handlers: createHandlers({ host, processes, baseEnvs, http, files, sandboxes, status, answers }),
    budget,
    connectionVariables,
    initialize: ({ outputWindowBytes, retainedBytes, retainedMs }, binaryFrames) => {
      processes.configure({
        windowBytes: outputWindowBytes ?? Number.POSITIVE_INFINITY,
        retainedBytes: Math.min(retainedBytes ?? RETAINED_BYTES, MAX_RETAINED_BYTES),
        retainedMs: Math.min(retainedMs ?? RETAINED_MS, MAX_RETAINED_MS),
      });
      const sandboxUnavailable = sandboxes.unavailable;
      return initializeResult(id, host, { limits, binaryFrames, sandboxUnavailable });
    },
    prepare: () => pipes?.prepare(),
    stop: async exitWithinMs => {
      stopping = true;
      void http.ifMade?.then(requests => requests.stop());
      const filesStopped = files.ifMade?.then(service => service.stop());
      const snapshotsStopped = snapshots.ifMade?.then(made => made.stop());
      await Promise.all([processes.stop(), baseEnvs.stop(), snapshotsStopped]);
      await pipes?.dispose();
      await filesStopped;
      await watchdog.end(exitWithinMs);
    },
  };
};
