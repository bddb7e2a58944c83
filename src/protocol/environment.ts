import * as z from 'zod/mini';
import { request } from './define.ts';
import { maybe } from './fields.ts';

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

export const environmentInfo = request('environment/info', {
  doc: 'Asks where the server runs. The same object is in the answer to `initialize`.',
  params: z.object({}),
  result: EnvironmentInfo,
});

export const serverStatus = request('server/status', {
  doc: 'Asks how the server is doing.',
  params: z.object({}),
  result: z.object({
    version: z.string().check(z.describe('Version of the server.')),
    pid: z.int().check(z.describe('Its process id.')),
    uptimeMs: z.int().check(z.describe('Since its start.')),
    rssBytes: z.int().check(z.describe('Its resident memory.')),
    heapUsedBytes: z.int().check(z.describe('What of it is JavaScript objects.')),
    eventLoopDelayMs: z
      .object({
        mean: z.number().check(z.describe('The mean.')),
        p99: z.number().check(z.describe('The 99th percentile.')),
        max: z.number().check(z.describe('The maximum.')),
      })
      .check(z.describe('How late its event loop was since the previous call; all 0 in the first answer.')),
    openDescriptors: z.nullable(z.int()).check(z.describe('`null` where the system does not tell.')),
    queuedBytes: z.int().check(z.describe('Waiting for the client to read.')),
    processes: z.int().check(z.describe('Processes that are not closed.')),
  }),
});
