import * as z from 'zod/mini';
import { atMostBytes, EnvBase, EnvOverlay, EnvPolicy } from '../shared-config/index.ts';
import { request } from './define.ts';
import { byName, maybe, withDefault } from './fields.ts';
import { MAX_EXPLAINED_NAMES, MAX_ID_BYTES } from './limits.ts';

const fileUri = (meaning: string) => z.string().check(z.describe(`${meaning}, as a \`file:\` URI.`));

/** The machine and account that a server runs on. */
export const EnvironmentInfo = z.object({
  shell: z
    .object({
      name: z.string().check(z.describe('The stable name of the shell: `bash`, `zsh`, `sh`, `cmd`, …')),
      path: z.string().check(z.describe('What to run it by; becomes `argv[0]` of shell commands.')),
    })
    .check(z.describe("The account's shell.")),
  executorVersion: z.string().check(z.describe('Version of the server.')),
  cwd: maybe(fileUri('The directory that the server runs in')),
  userHomeDir: maybe(fileUri("The account's home directory")),
  platformOs: z.string().check(z.describe('`linux`, `macos`, `windows` or another system by its own name.')),
  tempDir: maybe(fileUri('The directory for temporary files')),
  temporaryDirectories: z
    .array(z.string())
    .check(z.describe('All directories for temporary files, as `file:` URIs.')),
  prependPathDirs: z.array(z.string()).check(z.describe('What the server puts first in PATH: nothing.')),
  capabilities: z
    .record(z.string(), z.boolean())
    .check(z.describe('What this server can do; only what works here is `true`.')),
});
export type EnvironmentInfo = z.output<typeof EnvironmentInfo>;

export const environmentInfo = request('environment/info', () => ({
  doc: 'Asks where the server runs. The same object is in the answer to `initialize`.',
  params: z.object({}),
  result: EnvironmentInfo,
}));

/** The base that a policy started from, and how it was come by. */
export const BaseTaken = z.object({
  base: EnvBase.check(z.describe('The base that was used.')),
  attempts: z
    .array(
      z.object({
        base: EnvBase.check(z.describe('What was tried.')),
        outcome: z.enum(['taken', 'failed']).check(z.describe('Whether it gave an environment.')),
        reason: maybe(z.string().check(z.describe('Why it gave none, for people.'))),
        durationMs: z.int().check(z.nonnegative(), z.describe('How long it took.')),
      }),
    )
    .check(z.describe('What was tried to get it, in order; empty for `process`.')),
});
export type BaseTaken = z.output<typeof BaseTaken>;

const names = (meaning: string) => z.int().check(z.nonnegative(), z.describe(meaning));

export const environmentExplain = request('environment/explain', () => ({
  doc: `Asks what would become of each variable in the environment of a process with this \`envPolicy\` and
\`env\`, and by which step, without starting one. The answer holds names and patterns, never a value. It is refused
where it would be longer than \`explanationBytes\` in the limits of \`initialize\`; ask for some \`names\` then.`,
  params: z.object({
    envPolicy: maybe(EnvPolicy.check(z.describe('As in `process/start`.'))),
    env: withDefault(EnvOverlay, {}),
    names: maybe(
      z
        .array(z.string().check(atMostBytes(MAX_ID_BYTES)))
        .check(
          z.maxLength(MAX_EXPLAINED_NAMES),
          z.describe(
            'The names to tell of; unless given, every name of the base, of `set` and of `env` that a step met.',
          ),
        ),
    ),
  }),
  result: z.object({
    base: maybe(BaseTaken.check(z.describe('What the policy started from; absent without one.'))),
    variables: byName(
      z.object({
        outcome: z
          .enum(['kept', 'removed', 'set', 'absent'])
          .check(
            z.describe('As the base has it; not there; given a value; or `absent`: no step met the name.'),
          ),
        by: maybe(z.string().check(z.describe('The step that decided it.'))),
        pattern: maybe(
          z.string().check(z.describe('The pattern that describes the name, or the shape of secret found.')),
        ),
      }),
      'What becomes of each name, under the spelling asked for.',
    ),
    counts: z
      .object({
        kept: names('Variables as the base has them.'),
        removed: names('Names that the process does not get.'),
        set: names('Variables that are given a value.'),
      })
      .check(z.describe('Of all names that a step met, asked for or not.')),
  }),
}));

export const environmentRefresh = request('environment/refresh', () => ({
  doc: `Forgets the environments that were taken from the account's shell, and why some could not be taken, and
takes the one for \`base\` anew. Processes that run already keep theirs.`,
  params: z.object({
    base: withDefault(
      EnvBase.check(
        z.describe('What to take at once. With `process` nothing is taken before it is needed again.'),
      ),
      'process',
    ),
  }),
  result: BaseTaken,
}));

export const serverStatus = request('server/status', () => ({
  doc: 'Asks how the server is doing.',
  params: z.object({}),
  result: z.object({
    version: z.string().check(z.describe('Version of the server.')),
    pid: z.int().check(z.describe('Its process id.')),
    uptimeMs: z.int().check(z.describe('Since its start.')),
    rssBytes: z.nullable(z.int()).check(z.describe('Its resident memory; `null` where it cannot be read.')),
    heapUsedBytes: z.int().check(z.describe('What of it is JavaScript objects.')),
    eventLoopDelayMs: z
      .object({
        mean: z.number().check(z.describe('The mean.')),
        p99: z.number().check(z.describe('The 99th percentile.')),
        max: z.number().check(z.describe('The maximum.')),
      })
      .check(z.describe('How late its event loop was since the previous call; all 0 in the first answer.')),
    openDescriptors: z.nullable(z.int()).check(z.describe('`null` where they cannot be counted.')),
    queuedBytes: z.int().check(z.describe('Waiting for the client to read.')),
    processes: z.int().check(z.describe('Processes that are not closed.')),
    memory: maybe(
      z
        .object({
          usedBytes: z.int().check(z.describe('What is counted of requests, answers, input and output.')),
          limitBytes: z.int().check(z.describe('The most that this may be; `memoryBytes` in `initialize`.')),
        })
        .check(z.describe('The memory that the connection holds.')),
    ),
  }),
}));

/** The requests of this file by wire name. */
export const environmentRequests = {
  'environment/info': environmentInfo,
  'environment/explain': environmentExplain,
  'environment/refresh': environmentRefresh,
  'server/status': serverStatus,
} as const;
