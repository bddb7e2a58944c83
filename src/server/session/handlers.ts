import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import type { Requests } from '../../protocol/messages.ts';
import { platformOf } from '../../shared-config/index.ts';
import type { Lazy } from '../../system/lazy.ts';
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
import type { Processes } from '../process/processes.ts';
import { parseSignal } from '../process/signals.ts';
import type { Sandboxes } from '../sandbox/sandboxes.ts';

/** One handler for each declared request; a missing one is a compile error. */
export type Handlers = {
  readonly [Name in keyof Requests]: (
    params: ParamsOut<Requests[Name]>,
  ) => ResultIn<Requests[Name]> | Promise<ResultIn<Requests[Name]>>;
};

/** All handlers except those that belong to the connection. */
export type SessionHandlers = Omit<Handlers, 'initialize' | 'session/ping' | 'shutdown'>;

export type HandlerContext = {
  readonly host: Host;
  readonly processes: Processes;
  readonly baseEnvs: BaseEnvs;
  readonly http: Lazy<HttpRequests>;
  readonly files: Lazy<FileService>;
  readonly sandboxes: Sandboxes;
  readonly status: () => ResultIn<Requests['server/status']>;
  readonly answers: AnswerMemory;
};

export const createHandlers = ({
  host,
  processes,
  baseEnvs,
  http,
  files,
  sandboxes,
  status,
  answers,
}: HandlerContext): SessionHandlers => ({
  'environment/info': () => describeHost(host, sandboxes.unavailable === undefined),
  'environment/status': () => ({ status: 'ready' }),
  'environment/explain': async params => {
    const taken = params.envPolicy && (await baseEnvs.get(params.envPolicy.base ?? 'process'));
    return answers.making(EXPLANATION_FORMS * MAX_EXPLANATION_BYTES, () => ({
      base: taken && describeBase(taken),
      ...explainEnvironment(params, taken?.env ?? baseEnvs.server, platformOf(host.platform)),
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
