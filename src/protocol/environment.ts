import * as z from 'zod/mini';
import { atMostBytes, EnvBase, EnvOverlay, EnvPolicy } from '../shared-config/index.ts';
import { lazy, notification, request } from './define.ts';
import { byName, maybe, withDefault } from './fields.ts';
import { MAX_EXPLAINED_NAMES, MAX_ID_BYTES } from './limits.ts';

const fileUri = (meaning: string) => z.string().check(z.describe(`${meaning}, as a \`file:\` URI.`));

const capability = (meaning: string) => z.optional(z.boolean().check(z.describe(meaning)));

/** The features of a server by name. A newer server may announce others. */
export const capabilities = lazy(() =>
  z.catchall(
    z.object({
      tty: capability('Terminals: `tty` of `process/start`, `process/resize`.'),
      sandbox: capability('Sandboxes: `sandbox` of `process/start` and of file requests.'),
      watchdog: capability('If the server is killed, a watchdog ends its processes.'),
      secretValues: capability('`envPolicy.secretValues`.'),
      environmentConfigRead: capability('`environmentConfig/read`.'),
      fsWatchMissing: capability('`fs/watchMissing`, `fs/missingChanged`.'),
      fileWriteStreaming: capability('`fs/writeBlock`, and the modes of `fs/open` that write.'),
      fileWriteAtomic: capability('`atomic` of `fs/writeFile` and `fs/open`.'),
      sandboxedFileStreaming: capability('`sandbox` of `fs/open`.'),
      httpHeaderEnvVars: capability('`valueEnvVar` in the headers of `http/request`.'),
      shellSnapshotV2: capability('`shellSnapshot` of `process/start`.'),
    }),
    z.boolean(),
  ),
);

/** The machine and account that a server runs on. */
export const EnvironmentInfo = z.object({
  shell: z
    .object({
      name: z.string().check(z.describe('The stable name of the shell: `bash`, `zsh`, `sh`, `cmd`, …')),
      path: z.string().check(z.describe('Its path; becomes `argv[0]` of shell commands.')),
      insteadOf: maybe(
        z
          .object({
            path: z.string().check(z.describe('The path of that shell.')),
            reason: z.string().check(z.describe('The reason, for people: `runs no commands`, …')),
          })
          .check(z.describe("The account's shell, if it cannot run commands.")),
      ),
    })
    .check(z.describe("The account's shell, or another one if that cannot run commands.")),
  executorVersion: z.string().check(z.describe('Version of the server.')),
  providerId: maybe(
    z
      .string()
      .check(
        z.describe('Identifies the program and version of the server, not the machine. Compare it whole.'),
      ),
  ),
  cwd: maybe(fileUri('The working directory of the server')),
  userHomeDir: maybe(fileUri("The account's home directory")),
  platformOs: z.string().check(z.describe('`linux`, `macos`, `windows` or the name of another system.')),
  tempDir: maybe(fileUri('The directory for temporary files')),
  temporaryDirectories: z
    .array(z.string())
    .check(z.describe('All directories for temporary files, as `file:` URIs.')),
  prependPathDirs: z
    .array(z.string())
    .check(z.describe('Directories that the server puts first in PATH: none.')),
  capabilities: z
    .lazy(capabilities)
    .check(
      z.describe(
        'The features of the server; `true` if a feature works here. One that is absent is not known.',
      ),
    ),
});
export type EnvironmentInfo = z.output<typeof EnvironmentInfo>;

export const environmentInfo = request('environment/info', () => ({
  doc: 'Describes the machine and account of the server. The same object is in the answer to `initialize`.',
  params: z.object({}),
  result: EnvironmentInfo,
}));

export const environmentStatus = request('environment/status', () => ({
  doc: 'Reports that the server accepts calls. A client uses it to check the connection; nothing is computed.',
  params: z.object({}),
  result: z.object({
    status: z.literal('ready').check(z.describe('`ready`: a server that is not does not answer.')),
  }),
}));

/** The base environment that a policy was applied to, and how it was resolved. */
export const ResolvedBase = z.object({
  base: EnvBase.check(z.describe('The base that was used.')),
  attempts: z
    .array(
      z.object({
        base: EnvBase.check(z.describe('The base of this attempt.')),
        outcome: z.enum(['resolved', 'failed']).check(z.describe('`resolved` if it yielded an environment.')),
        reason: maybe(z.string().check(z.describe('The reason of the failure, for people.'))),
        omitted: maybe(
          z
            .array(
              z.object({
                name: z.string().check(z.describe('The name of the variable.')),
                reason: z.string().check(z.describe('The reason, for people: `changes while it is read`, …')),
              }),
            )
            .check(z.describe('Variables of the shell that are not in the environment.')),
        ),
        durationMs: z.int().check(z.nonnegative(), z.describe('Its duration.')),
      }),
    )
    .check(z.describe('The attempts in order; empty for `process`.')),
});
export type ResolvedBase = z.output<typeof ResolvedBase>;

/** The outcome of a policy and an overlay for one name. */
export const explanation = lazy(() =>
  z.object({
    outcome: z
      .enum(['kept', 'removed', 'set', 'absent'])
      .check(
        z.describe(
          '`kept` from the base, `removed`, `set` to a value, or `absent`: no step handled the name.',
        ),
      ),
    by: maybe(z.string().check(z.describe('The step that decided it.'))),
    pattern: maybe(
      z.string().check(z.describe('The pattern that matches the name, or the secret shape that was found.')),
    ),
  }),
);

const count = (meaning: string) => z.int().check(z.nonnegative(), z.describe(meaning));

export const environmentExplain = request('environment/explain', () => ({
  doc: `Explains the environment that a process with this \`envPolicy\` and \`env\` would get: the outcome for each
name, and the step that decided it. Nothing is started. The answer has names and patterns, never values. An answer of more
than \`explanationBytes\` (limits of \`initialize\`) is refused; request fewer \`names\` then.`,
  params: z.object({
    envPolicy: maybe(EnvPolicy.check(z.describe('As in `process/start`.'))),
    env: withDefault(EnvOverlay, {}),
    names: maybe(
      z
        .array(z.string().check(atMostBytes(MAX_ID_BYTES)))
        .check(
          z.maxLength(MAX_EXPLAINED_NAMES),
          z.describe('The names to explain. Default: every name of the base, of `set` and of `env`.'),
        ),
    ),
  }),
  result: z.object({
    base: maybe(ResolvedBase.check(z.describe('The base of the policy; absent without a policy.'))),
    variables: byName(explanation(), 'The outcome for each name, by the requested spelling.'),
    counts: z
      .object({
        kept: count('Variables kept from the base.'),
        removed: count('Names removed.'),
        set: count('Variables set.'),
      })
      .check(z.describe('Counts of all names, requested or not.')),
  }),
}));

export const environmentRefresh = request('environment/refresh', () => ({
  doc: `Forgets the environments of the account's shell and the failed attempts, and resolves \`base\` again. Running
processes keep their environment.`,
  params: z.object({
    base: withDefault(
      EnvBase.check(
        z.describe('The base to resolve now. With `process`, bases are resolved when they are next needed.'),
      ),
      'process',
    ),
  }),
  result: ResolvedBase,
}));

export const environmentWaiting = notification('environment/waiting', () => ({
  doc: `The account's shell, which is run for its environment, has not answered for two seconds: requests that need it
wait. Sent at most once for each run of the shell.`,
  params: z.object({
    base: EnvBase.check(z.describe('The base that it is run for.')),
    shell: z.string().check(z.describe('The path of the shell.')),
    waitedMs: count('The time since its start.'),
    limitMs: count('The time after which another base is used.'),
    running: z
      .array(z.string())
      .check(z.describe('Names of the processes that its start-up files run, at most 8.')),
  }),
}));
export type EnvironmentWaiting = z.output<typeof environmentWaiting.params>;

export const serverStatus = request('server/status', () => ({
  doc: 'Returns the state of the server.',
  params: z.object({}),
  result: z.object({
    version: z.string().check(z.describe('Version of the server.')),
    pid: z.int().check(z.describe('Its process id.')),
    uptimeMs: z.int().check(z.describe('Time since its start.')),
    rssBytes: z.nullable(z.int()).check(z.describe('Its resident memory; `null` where it cannot be read.')),
    heapUsedBytes: z.int().check(z.describe('The part used by JavaScript objects.')),
    eventLoopDelayMs: z
      .object({
        mean: z.number().check(z.describe('The mean.')),
        p99: z.number().check(z.describe('The 99th percentile.')),
        max: z.number().check(z.describe('The maximum.')),
      })
      .check(z.describe('Delay of its event loop since the previous call; all 0 in the first answer.')),
    openDescriptors: z
      .nullable(z.int())
      .check(z.describe('Its open descriptors; `null` where they cannot be counted.')),
    queuedBytes: z.int().check(z.describe('Bytes that wait for the client to read.')),
    processes: z.int().check(z.describe('Processes that are not closed.')),
    memory: maybe(
      z
        .object({
          usedBytes: z.int().check(z.describe('Memory used by requests, answers, input and output.')),
          limitBytes: z.int().check(z.describe('Its limit; `memoryBytes` in `initialize`.')),
        })
        .check(z.describe('The memory budget of the connection.')),
    ),
  }),
}));

/** The requests of this file by wire name. */
export const environmentRequests = {
  'environment/info': environmentInfo,
  'environment/status': environmentStatus,
  'environment/explain': environmentExplain,
  'environment/refresh': environmentRefresh,
  'server/status': serverStatus,
} as const;

/** The notifications of this file by wire name. */
export const environmentNotifications = {
  'environment/waiting': environmentWaiting,
} as const;
