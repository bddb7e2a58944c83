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
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever went there
  readonly params?: any;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  readonly result?: any;
  readonly error?: { readonly code: number; readonly message: string };
};

/** A folder for one conversation: where Codex and its commands work, and what belongs to either side. */
export type Stage = {
  /** Where the commands run. */
  readonly work: string;
  /** HOME on the side of the server. */
  readonly serverHome: string;
  /** PATH on the side of the server. */
  readonly serverPath: string;
  readonly codexHome: string;
  readonly log: string;
  clear(): void;
};

// Not below /tmp: Codex keeps no helpers there, and its sandbox lets /tmp be written.
export const createStage = (): Stage => {
  const base = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'exec-server');
  mkdirSync(base, { recursive: true });
  const root = realpathSync(mkdtempSync(join(base, 'stage-')));
  const folder = (name: string) => {
    const path = join(root, name);
    mkdirSync(path);
    return path;
  };
  return {
    work: folder('work'),
    serverHome: folder('home'),
    serverPath: `${folder('bin')}:/usr/local/bin:/usr/bin:/bin`,
    codexHome: folder('codex'),
    log: join(root, 'wire.log'),
    clear: () => rmSync(root, { recursive: true, force: true }),
  };
};

/** Starts Codex, with one remote environment: the built server, in an environment of its own. */
export const startCodex = async (
  stage: Stage,
  sandbox: Sandbox,
  steps: readonly Step[],
  server: readonly string[] = recordedServer(stage),
) => {
  const model = await startModel(steps);
  const program = codexProgram();
  writeFileSync(join(stage.codexHome, 'config.toml'), configuration(model));
  writeFileSync(join(stage.codexHome, 'environments.toml'), environments(server));
  const codex = spawn(
    program,
    ['exec', '--skip-git-repo-check', '--sandbox', sandbox, '-C', stage.work, 'do what you have to do'],
    {
      env: {
        PATH: '/usr/bin:/bin',
        HOME: '/nonexistent',
        CODEX_HOME: stage.codexHome,
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

/** Lets Codex do what the model asks for, to its end. */
export const runCodex = async (
  stage: Stage,
  sandbox: Sandbox,
  steps: readonly Step[],
  server?: readonly string[],
) => (await startCodex(stage, sandbox, steps, server)).ended;

/** The server's command line, with its own HOME and PATH and nothing of Codex's. */
export const plainServer = ({ serverHome, serverPath }: Stage): string[] => [
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

/** The same, with a record of what is said. */
export const recordedServer = (stage: Stage): string[] => [
  process.execPath,
  fileURLToPath(new URL('../fixtures/recorder.js', import.meta.url)),
  stage.log,
  ...plainServer(stage),
];

/** What Codex and the server said to each other, in order. */
export const recorded = ({ log }: Stage): Recorded[] =>
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
