import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import { resumeUnavailable } from '../../protocol/errors.ts';
import type { Requests } from '../../protocol/messages.ts';
import { platformOf } from '../../shared-config/index.ts';
import type { AnnouncedLimits } from '../announced-limits.ts';
import { readEnvironmentConfig } from '../environment/environment-config.ts';
import { describeHost } from '../environment/environment-info.ts';
import { explainEnvironment } from '../environment/explain-environment.ts';
import type { Host } from '../environment/host.ts';
import { CONFIG_MEMORY_BYTES, EXPLANATION_FORMS, MAX_EXPLANATION_BYTES } from '../environment/limits.ts';
import { type BaseEnvs, describeBase } from '../environment/login/base-env.ts';
import type { FileService } from '../file-service.ts';
import { fileHandlers } from '../files/file-methods.ts';
import type { HttpRequests } from '../http/http-requests.ts';
import type { AnswerMemory } from '../memory/answer-memory.ts';
import { MAX_RETAINED_BYTES, MAX_RETAINED_MS, RETAINED_BYTES, RETAINED_MS } from '../process/limits.ts';
import type { Processes } from '../process/processes.ts';
import { parseSignal } from '../process/signals.ts';
import type { Sandboxes } from '../sandbox/sandboxes.ts';
import type { Session } from './handshake.ts';
import { initializeResult } from './initialize-result.ts';
import type { Lazy } from './lazy.ts';

/** One handler for each declared request; a missing one doesn't compile. */
export type Handlers = {
  readonly [Name in keyof Requests]: (
    params: ParamsOut<Requests[Name]>,
  ) => ResultIn<Requests[Name]> | Promise<ResultIn<Requests[Name]>>;
};

/** What handlers work on. */
export type HandlerContext = {
  readonly host: Host;
  readonly session: Session;
  readonly processes: Processes;
  readonly baseEnvs: BaseEnvs;
  readonly http: Lazy<HttpRequests>;
  readonly files: Lazy<FileService>;
  readonly sandboxes: Sandboxes;
  readonly status: () => ResultIn<Requests['server/status']>;
  /** Sends bytes as they are from now on, where the framing allows it; tells whether it does. */
  readonly useBinaryFrames: () => boolean;
  readonly limits: AnnouncedLimits;
  readonly answers: AnswerMemory;
};

export const createHandlers = ({
  host,
  session,
  processes,
  baseEnvs,
  http,
  files,
  sandboxes,
  status,
  useBinaryFrames,
  limits,
  answers,
}: HandlerContext): Handlers => ({
  initialize: ({ resumeSessionId, binaryFrames, outputWindowBytes, retainedBytes, retainedMs }) => {
    if (resumeSessionId !== undefined) throw resumeUnavailable();
    session.initialize();
    processes.configure({
      windowBytes: outputWindowBytes ?? Number.POSITIVE_INFINITY,
      retainedBytes: Math.min(retainedBytes ?? RETAINED_BYTES, MAX_RETAINED_BYTES),
      retainedMs: Math.min(retainedMs ?? RETAINED_MS, MAX_RETAINED_MS),
    });
    return initializeResult(session.id, host, {
      limits,
      binaryFrames: binaryFrames && useBinaryFrames(),
      sandboxUnavailable: sandboxes.unavailable,
    });
  },
  'environment/info': () => describeHost(host, sandboxes.unavailable === undefined),
  'environment/explain': async params => {
    const taken = params.envPolicy && (await baseEnvs.get(params.envPolicy.base ?? 'process'));
    return answers.making(EXPLANATION_FORMS * MAX_EXPLANATION_BYTES, () => ({
      base: taken && describeBase(taken),
      ...explainEnvironment(params, taken?.env ?? host.env, platformOf(host.platform)),
    }));
  },
  'environment/refresh': async ({ base }) => {
    baseEnvs.refresh();
    return describeBase(await baseEnvs.get(base));
  },
  'server/status': status,
  'process/start': params => processes.start(params),
  'process/write': params => processes.write(params),
  'process/closeStdin': params => processes.closeStdin(params),
  'process/signal': async params => {
    await processes.signal(params, parseSignal(params.signal));
    return {};
  },
  'process/terminate': params => processes.terminate(params),
  'process/resize': params => {
    processes.resize(params);
    return {};
  },
  'process/read': params => processes.read(params),
  'process/acknowledge': params => {
    processes.acknowledge(params);
    return {};
  },
  'process/list': () => processes.list(),
  ...fileHandlers(method => async params => (await files.get()).handlers[method](params)),
  'environmentConfig/read': params =>
    answers.making(CONFIG_MEMORY_BYTES, () => readEnvironmentConfig(params, host)),
  'http/request': async params => (await http.get()).request(params),
});
