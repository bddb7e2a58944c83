import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { programPath } from '../../e2e/support/program.ts';
import { codexProgram } from './install.ts';
import { type Model, type Step, startModel } from './model.ts';

export type Sandbox = 'danger-full-access' | 'read-only' | 'workspace-write';

/** One message between Codex and the server. */
export type Recorded = {
  readonly from: 'codex' | 'server';
  readonly id?: number;
  readonly method?: string;
  readonly trace?: { readonly traceparent: string };
  // biome-ignore lint/suspicious/noExplicitAny: tests inspect any message
  readonly params?: any;
  // biome-ignore lint/suspicious/noExplicitAny: tests inspect any message
  readonly result?: any;
  readonly error?: { readonly code: number; readonly message: string };
};

/** The directories of one conversation, those of Codex and those of the server. */
export type Directories = {
  /** The working directory of the commands. */
  readonly work: string;
  /** HOME of the server. */
  readonly serverHome: string;
  /** PATH of the server. */
  readonly serverPath: string;
  readonly codexHome: string;
  readonly log: string;
  remove(): void;
};

// Not below /tmp: Codex installs no helper programs there, and its sandbox has write access to /tmp.
export const createDirectories = (): Directories => {
  const base = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'exec-server');
  mkdirSync(base, { recursive: true });
  const root = realpathSync(mkdtempSync(join(base, 'codex-test-')));
  const directory = (name: string) => {
    const path = join(root, name);
    mkdirSync(path);
    return path;
  };
  return {
    work: directory('work'),
    serverHome: directory('home'),
    serverPath: `${directory('bin')}:/usr/local/bin:/usr/bin:/bin`,
    codexHome: directory('codex'),
    log: join(root, 'wire.log'),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
};

/**
 * Starts Codex with one remote environment: the built server, with its own environment variables.
 *
 * @param config more of its `config.toml`, from a table on
 */
export const startCodex = async (
  directories: Directories,
  sandbox: Sandbox,
  steps: readonly Step[],
  server: readonly string[] = recordedServer(directories),
  config = '',
) => {
  const model = await startModel(steps);
  const program = codexProgram();
  writeFileSync(join(directories.codexHome, 'config.toml'), `${configuration(model)}${config}`);
  writeFileSync(join(directories.codexHome, 'environments.toml'), environments(server));
  const codex = spawn(
    program,
    ['exec', '--skip-git-repo-check', '--sandbox', sandbox, '-C', directories.work, 'do what you have to do'],
    {
      env: {
        PATH: '/usr/bin:/bin',
        HOME: '/nonexistent',
        CODEX_HOME: directories.codexHome,
        OPENAI_API_KEY: 'planted',
        ONLY_HERE: 'planted',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let text = '';
  for (const stream of [codex.stdout, codex.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk;
    });
  }
  const ended = once(codex, 'close').then(async ([code, signal]) => {
    await model.close();
    return { end: (signal ?? code) as string | number, outputs: [...model.outputs], text };
  });
  return { codex, ended };
};

/** Runs Codex with a scripted model until it exits. */
export const runCodex = async (
  directories: Directories,
  sandbox: Sandbox,
  steps: readonly Step[],
  server?: readonly string[],
  config?: string,
) => (await startCodex(directories, sandbox, steps, server, config)).ended;

/** The command line of the server, with its own HOME and PATH and no variables of Codex. */
export const plainServer = ({ serverHome, serverPath }: Directories): string[] => [
  '/usr/bin/env',
  '-i',
  `HOME=${serverHome}`,
  `PATH=${serverPath}`,
  'LANG=C.UTF-8',
  process.execPath,
  programPath,
  '--listen',
  'stdio',
];

/** The same, with a log of all messages. */
export const recordedServer = (directories: Directories): string[] => [
  process.execPath,
  fileURLToPath(new URL('../fixtures/recorder.js', import.meta.url)),
  directories.log,
  ...plainServer(directories),
];

/** The messages between Codex and the server, in order. */
export const recorded = ({ log }: Directories): Recorded[] =>
  readFileSync(log, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => ({ from: line.startsWith('>') ? 'codex' : 'server', ...JSON.parse(line.slice(2)) }));

const configuration = ({ url }: Model): string => `
model = "gpt-5"
model_provider = "scripted"
[model_providers.scripted]
name = "scripted"
base_url = ${JSON.stringify(url)}
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
supports_websockets = false
`;

const environments = ([program, ...args]: readonly string[]): string => `
default = "ours"
include_local = false
[[environments]]
id = "ours"
program = ${JSON.stringify(program)}
args = ${JSON.stringify(args)}
`;
