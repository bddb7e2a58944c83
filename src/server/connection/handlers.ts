import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import { resumeUnavailable } from '../../protocol/errors.ts';
import type { Requests } from '../../protocol/messages.ts';
import { platformOf } from '../../shared-config/index.ts';
import { readEnvironmentConfig } from '../environment/environment-config.ts';
import { describeHost } from '../environment/environment-info.ts';
import { explainEnvironment } from '../environment/explain-environment.ts';
import type { Host } from '../environment/host.ts';
import { type BaseEnvs, describeBase } from '../environment/login/base-env.ts';
import type { FileRequests } from '../file-requests.ts';
import type { HttpRequests } from '../http/http-requests.ts';
import {
  type announcedLimits,
  CONFIG_MEMORY_BYTES,
  EXPLANATION_FORMS,
  MAX_EXPLANATION_BYTES,
  MAX_RETAINED_BYTES,
  MAX_RETAINED_MS,
  RETAINED_BYTES,
  RETAINED_MS,
} from '../limits.ts';
import type { AnswerMemory } from '../memory/answer-memory.ts';
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
  readonly files: FileRequests;
  readonly sandboxes: Sandboxes;
  readonly status: () => ResultIn<Requests['serverStatus']>;
  /** Sends bytes as they are from now on, where the framing allows it; tells whether it does. */
  readonly useBinaryFrames: () => boolean;
  readonly limits: ReturnType<typeof announcedLimits>;
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
  environmentInfo: () => describeHost(host, sandboxes.unavailable === undefined),
  environmentExplain: async params => {
    const taken = params.envPolicy && (await baseEnvs.get(params.envPolicy.base ?? 'process'));
    return answers.making(EXPLANATION_FORMS * MAX_EXPLANATION_BYTES, () => ({
      base: taken && describeBase(taken),
      ...explainEnvironment(params, taken?.env ?? host.env, platformOf(host.platform)),
    }));
  },
  environmentRefresh: async ({ base }) => {
    baseEnvs.refresh();
    return describeBase(await baseEnvs.get(base));
  },
  serverStatus: status,
  processStart: params => processes.start(params),
  processWrite: params => processes.write(params),
  processCloseStdin: params => processes.closeStdin(params),
  processSignal: async params => {
    await processes.signal(params, parseSignal(params.signal));
    return {};
  },
  processTerminate: params => processes.terminate(params),
  processResize: params => {
    processes.resize(params);
    return {};
  },
  processRead: params => processes.read(params),
  processAcknowledge: params => {
    processes.acknowledge(params);
    return {};
  },
  processList: () => processes.list(),
  fsReadFile: asked => files.request('fsReadFile', asked, (here, params) => here.readFile(params)),
  fsWriteFile: asked => files.request('fsWriteFile', asked, (here, params) => here.writeFile(params)),
  fsCreateDirectory: asked =>
    files.request('fsCreateDirectory', asked, (here, params) => here.createDirectory(params)),
  fsGetMetadata: asked => files.request('fsGetMetadata', asked, (here, params) => here.getMetadata(params)),
  fsCanonicalize: asked =>
    files.request('fsCanonicalize', asked, (here, params) => here.canonicalize(params)),
  fsReadDirectory: asked =>
    files.request('fsReadDirectory', asked, (here, params) => here.readDirectory(params)),
  fsWalk: asked => files.request('fsWalk', asked, (here, params) => here.walk(params)),
  fsRemove: asked => files.request('fsRemove', asked, (here, params) => here.remove(params)),
  fsCopy: asked => files.request('fsCopy', asked, (here, params) => here.copy(params)),
  fsOpen: asked => files.request('fsOpen', asked, (here, params) => here.open(params)),
  fsReadBlock: params => files.withHandle('fsReadBlock', params, here => here.readBlock(params)),
  fsWriteBlock: params => files.withHandle('fsWriteBlock', params, here => here.writeBlock(params)),
  fsClose: params => files.withHandle('fsClose', params, here => here.close(params)),
  fsWatchMissing: asked =>
    files.request('fsWatchMissing', asked, (here, params) => here.watchMissing(params)),
  environmentConfigRead: params =>
    answers.making(CONFIG_MEMORY_BYTES, () => readEnvironmentConfig(params, host)),
  httpRequest: async params => (await http.get()).request(params),
});
