import * as z from 'zod/mini';
import { maybe, pathText, withDefault } from './fields.ts';
import { MAX_SANDBOX_ENTRIES, MAX_WORKSPACE_ROOTS } from './limits.ts';

const access = z
  .enum(['read', 'write', 'deny', 'none'])
  .check(z.describe('`write` includes `read`; `none` is the same as `deny`.'));

// A path that leaves its parent would grant something else.
const subpath = maybe(
  pathText().check(
    z.refine(
      text => !text.startsWith('/') && !text.split(/[/\\]/).includes('..'),
      'expected a relative path without ".."',
    ),
    z.describe('A path below it.'),
  ),
);

/** A path by its meaning. */
export const SandboxSpecialPath = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('root') }),
  z.object({ kind: z.literal('minimal') }),
  z.object({ kind: z.literal('current_working_directory'), subpath }),
  z.object({ kind: z.literal('project_roots'), subpath }),
  z.object({ kind: z.literal('tmpdir') }),
  z.object({ kind: z.literal('slash_tmp') }),
  z.object({ kind: z.literal('unknown') }),
]);

/** The path of an entry. */
export const SandboxPath = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('path'),
    path: pathText().check(z.describe('A `file:` URI or an absolute path of the server.')),
  }),
  z.object({ type: z.literal('glob_pattern'), pattern: pathText().check(z.describe('Refused.')) }),
  z.object({
    type: z.literal('special'),
    value: SandboxSpecialPath.check(z.describe('The path, by its meaning.')),
  }),
]);

/** The access to files. */
export const SandboxFileSystem = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('restricted'),
    entries: z
      .array(
        z.object({
          path: SandboxPath.check(z.describe('The path.')),
          access,
          missing_path_behavior: maybe(
            z.literal('skip').check(z.describe('To ignore the entry if its path does not exist.')),
          ),
        }),
      )
      .check(z.maxLength(MAX_SANDBOX_ENTRIES), z.describe('The paths and the access to each.')),
  }),
  z.object({ type: z.literal('unrestricted') }),
]);

/** The access to files and to the network. */
export const SandboxPermissions = z
  .discriminatedUnion('type', [
    z.object({
      type: z.literal('managed'),
      file_system: SandboxFileSystem.check(z.describe('The access to files.')),
      network: z.enum(['restricted', 'enabled']).check(z.describe('The access to the network.')),
    }),
    z.object({ type: z.literal('disabled') }),
    z.object({ type: z.literal('external') }),
  ])
  .check(
    z.describe(
      'Variants by `type`. `managed`: `file_system` (`restricted` to `entries`, or `unrestricted`) and `network` (`restricted` or `enabled`). `disabled`: no sandbox. `external`: refused.',
    ),
  );

/** The sandbox of a process or a file request, in Codex's form. An unknown variant is refused. */
export const Sandbox = z.object({
  permissions: SandboxPermissions,
  cwd: maybe(pathText().check(z.describe('The `current_working_directory`, as a `file:` URI or a path.'))),
  workspaceRoots: withDefault(
    z
      .array(pathText())
      .check(z.maxLength(MAX_WORKSPACE_ROOTS), z.describe('The `project_roots`, as `file:` URIs or paths.')),
    [],
  ),
});
export type Sandbox = z.output<typeof Sandbox>;

/** The field `sandbox` of a request. */
export const sandboxField = (what: string) =>
  maybe(
    Sandbox.check(z.describe(`The sandbox of ${what}: enforced or refused, see [sandbox.md](sandbox.md).`)),
  );
