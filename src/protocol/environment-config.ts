import * as z from 'zod/mini';
import { request } from './define.ts';
import { maybe, pathText } from './fields.ts';
import { MAX_CONFIG_KEYS, MAX_CONFIG_PATHS, MAX_ID_BYTES } from './limits.ts';

const keyPaths = (meaning: string) =>
  z
    .array(
      z
        .array(z.string().check(z.maxLength(MAX_ID_BYTES)))
        .check(
          z.minLength(1),
          z.maxLength(MAX_CONFIG_KEYS),
          z.describe('The keys of a value, from the top level.'),
        ),
    )
    .check(z.maxLength(MAX_CONFIG_PATHS), z.describe(meaning));

const layers = (meaning: string) =>
  z
    .object({
      layers: z
        .array(
          z.object({
            source: z.string().check(z.describe('The file, for people.')),
            baseDir: z.string().check(z.describe('Its directory, as a `file:` URI.')),
            toml: z.string().check(z.describe('Its values at the requested paths, as TOML.')),
          }),
        )
        .check(z.describe('The files with such values, the weakest first.')),
      cloudInsertionIndex: z.int().check(z.describe("The index in `layers` for the client's own layer.")),
    })
    .check(z.describe(meaning));

export const environmentConfigRead = request('environmentConfig/read', () => ({
  doc: `Reads settings of OpenAI Codex on the server: \`config.toml\` in \`/etc/codex\` and in \`$CODEX_HOME\`
(\`~/.codex\` without it), and \`/etc/codex/requirements.toml\`. Only the values at the given paths are returned.`,
  params: z.object({
    cwd: maybe(pathText().check(z.describe('Accepted and ignored.'))),
    configPaths: keyPaths('The values to return of `config.toml`.'),
    requirementsPaths: keyPaths('The values to return of `requirements.toml`.'),
  }),
  result: z.object({
    userHomeDir: z.string().check(z.describe("The account's home directory, as a `file:` URI.")),
    codexHomeDir: z.string().check(z.describe("Codex's home directory, as a `file:` URI.")),
    hostname: z.string().check(z.describe('The name of the host.')),
    config: layers('The settings.'),
    requirements: layers('The requirements of an administrator.'),
  }),
}));

/** The requests of this file by wire name. */
export const environmentConfigRequests = {
  'environmentConfig/read': environmentConfigRead,
} as const;
