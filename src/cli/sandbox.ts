import { ConfigError } from '../codex-config/index.ts';
import type { Sandbox } from '../core/index.ts';
import { ExecServerError } from '../protocol/errors.ts';
import { parse } from '../protocol/parse.ts';
import { Sandbox as SandboxSchema } from '../protocol/sandbox.ts';
import { readTextFile } from './text-file.ts';

type Permissions = Extract<Sandbox['permissions'], { type: 'managed' }>;
type Entry = Extract<Permissions['file_system'], { type: 'restricted' }>['entries'][number];

/** Maximum length of a file of permissions, in bytes. */
const MAX_FILE_BYTES = 1024 * 1024;

/**
 * Returns a preset, as in Codex, or reads a sandbox from a JSON file.
 *
 * @throws {ConfigError} if the file cannot be read or is not a sandbox
 */
export const readSandbox = (name: string): Sandbox => PRESETS[name] ?? readFile(name);

const special = (
  kind: 'root' | 'current_working_directory' | 'tmpdir' | 'slash_tmp',
  access: 'read' | 'write',
): Entry => ({ path: { type: 'special', value: { kind } }, access });

// Read-only: programs outside of the sandbox use these files later.
const PROTECTED: readonly Entry[] = ['.git', '.codex', '.agents'].map(subpath => ({
  path: { type: 'special', value: { kind: 'current_working_directory', subpath } },
  access: 'read',
  missing_path_behavior: 'skip',
}));

const restricted = (...entries: Entry[]): Sandbox => ({
  permissions: { type: 'managed', file_system: { type: 'restricted', entries }, network: 'restricted' },
});

const PRESETS: Readonly<Record<string, Sandbox | undefined>> = {
  'read-only': restricted(special('root', 'read')),
  'workspace-write': restricted(
    special('root', 'read'),
    special('current_working_directory', 'write'),
    special('tmpdir', 'write'),
    special('slash_tmp', 'write'),
    ...PROTECTED,
  ),
};

const readFile = (file: string): Sandbox => {
  const text = readTextFile(file, MAX_FILE_BYTES);
  if (text === undefined) {
    const problem = `no such file; expected ${Object.keys(PRESETS).join(', ')} or a JSON file`;
    throw new ConfigError(file, [{ at: undefined, text: problem }]);
  }
  try {
    const sandbox: Sandbox = JSON.parse(text);
    parse(SandboxSchema, sandbox, 'sandbox');
    return sandbox;
  } catch (error) {
    const problem = error instanceof ExecServerError ? error.message : 'is not valid JSON';
    throw new ConfigError(file, [{ at: undefined, text: problem }]);
  }
};
