import * as z from 'zod/mini';
import { maybe, pathText, withDefault } from './fields.ts';
import { MAX_SANDBOX_ENTRIES, MAX_WORKSPACE_ROOTS } from './limits.ts';

const unknownField = z.custom<null | undefined>(
  value => (value ?? undefined) === undefined,
  'unknown field, which cannot be enforced',
);
z.globalRegistry.add(unknownField, { type: 'null' });

/** An object of permissions: each of its fields may restrict, so a field that is not known is refused unless it is `null`. */
const strict = <Shape extends z.core.$ZodLooseShape>(shape: Shape) =>
  // Its type has no index signature, which would allow any field.
  z.catchall(z.object(shape), unknownField) as unknown as z.ZodMiniObject<Shape>;

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
  strict({ kind: z.literal('root') }),
  strict({ kind: z.literal('minimal') }),
  strict({ kind: z.literal('current_working_directory'), subpath }),
  strict({ kind: z.literal('project_roots'), subpath }),
  strict({ kind: z.literal('tmpdir') }),
  strict({ kind: z.literal('slash_tmp') }),
  strict({ kind: z.literal('unknown') }),
]);

/** The path of an entry. */
export const SandboxPath = z.discriminatedUnion('type', [
  strict({
    type: z.literal('path'),
    path: pathText().check(z.describe('A `file:` URI or an absolute path of the server.')),
  }),
  strict({ type: z.literal('glob_pattern'), pattern: pathText().check(z.describe('Refused.')) }),
  strict({
    type: z.literal('special'),
    value: SandboxSpecialPath.check(z.describe('The path, by its meaning.')),
  }),
]);

/** The access to files. */
export const SandboxFileSystem = z.discriminatedUnion('type', [
  strict({
    type: z.literal('restricted'),
    entries: z
      .array(
        strict({
          path: SandboxPath.check(z.describe('The path.')),
          access,
          missing_path_behavior: maybe(
            z.literal('skip').check(z.describe('To ignore the entry if its path does not exist.')),
          ),
        }),
      )
      .check(z.maxLength(MAX_SANDBOX_ENTRIES), z.describe('The paths and the access to each.')),
    glob_scan_max_depth: maybe(z.int().check(z.describe('Limits the search of `glob_pattern`; no effect.'))),
  }),
  strict({ type: z.literal('unrestricted') }),
]);

/** The access to files and to the network. */
export const SandboxPermissions = z
  .discriminatedUnion('type', [
    strict({
      type: z.literal('managed'),
      file_system: SandboxFileSystem.check(z.describe('The access to files.')),
      network: z.enum(['restricted', 'enabled']).check(z.describe('The access to the network.')),
    }),
    strict({ type: z.literal('disabled') }),
    strict({ type: z.literal('external') }),
  ])
  .check(
    z.describe(
      'Variants by `type`. `managed`: `file_system` (`restricted` to `entries`, or `unrestricted`) and `network` (`restricted` or `enabled`). `disabled`: no sandbox. `external`: refused.',
    ),
  );

/** The sandbox of a process or a file request, in Codex's form. Unknown variants and permissions are refused. */
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
