import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, posix, sep } from 'node:path';
import { expect } from 'chai';
import { transformSync } from 'esbuild';

const root = join(import.meta.dirname, '../src');

/** A module of src: its path below src, and its text. */
type Source = { readonly path: string; readonly text: string };

const sources: readonly Source[] = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter(path => path.endsWith('.ts'))
  .map(path => ({
    path: path.replaceAll(sep, '/'),
    text: readFileSync(join(root, path), 'utf8'),
  }));

/** What runs of a module: without types and comments. */
const codeOf = ({ text }: Source): string =>
  transformSync(text, { loader: 'ts', target: 'es2023', legalComments: 'none' }).code;

/** What a module imports by statements, types too. */
const staticImports = ({ text }: Source): string[] => [
  ...Array.from(text.matchAll(/^(?:import|export)\b[^;'"`]*?\bfrom\s*'([^']+)'/gm), ([, name = '']) => name),
  ...Array.from(text.matchAll(/^import\s*'([^']+)'/gm), ([, name = '']) => name),
];

/** What a module loads while it runs. A name that is computed shows as it is written. */
const dynamicImports = (source: Source): string[] =>
  Array.from(
    codeOf(source).matchAll(/\b(?:import|require)\(\s*(?:["'`]([^"'`]+)["'`]|([^)]*))/g),
    match => match[1] ?? `${match[2]}`,
  );

/** The modules of src among what is imported, by their paths below src. */
const within = (source: Source, imports: readonly string[]): string[] =>
  imports.filter(name => name.startsWith('.')).map(name => posix.join(posix.dirname(source.path), name));

const layerOf = (path: string): string => path.split('/')[0] ?? '';

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  system: ['system'],
  'shared-config': ['shared-config'],
  'codex-config': ['codex-config', 'shared-config'],
  protocol: ['protocol', 'shared-config', 'system'],
  server: ['server', 'protocol', 'codex-config', 'shared-config', 'system'],
  core: ['core', 'protocol', 'shared-config', 'system'],
  embedded: ['embedded', 'core', 'server', 'protocol', 'shared-config', 'system'],
  program: ['program', 'cli', 'server', 'protocol', 'shared-config', 'system'],
  cli: ['cli', 'core', 'protocol', 'codex-config', 'shared-config', 'system'],
};

describe('the modules of src', () => {
  it('are found, and every import in them', () => {
    expect(sources.map(({ path }) => path)).to.include.members([
      'program/main.ts',
      'server/process/start/launch.ts',
    ]);
    const statements = sources.flatMap(
      ({ text }) => text.match(/^(?:import\b(?!\()|export\b.*\bfrom\b)/gm) ?? [],
    );
    expect(sources.flatMap(staticImports)).to.have.lengthOf.at.least(statements.length);
  });

  it('import along system, shared-config <- protocol <- server, core <- embedded, cli, and never backwards', () => {
    const backwards = sources.flatMap(source =>
      within(source, [...staticImports(source), ...dynamicImports(source)])
        .filter(target => !MAY_IMPORT[layerOf(source.path)]?.includes(layerOf(target)))
        .map(target => `${source.path} -> ${target}`),
    );
    expect(backwards).to.deep.equal([]);
  });

  it('are loaded by the program only when they are needed', () => {
    const main = sources.find(({ path }) => path === 'program/main.ts') as Source;
    expect({ static: staticImports(main), dynamic: within(main, dynamicImports(main)).sort() }).to.deep.equal(
      {
        static: ['../protocol/server-args.ts', '../system/installed-package.ts'],
        dynamic: ['cli/main.ts', 'program/stdio.ts'],
      },
    );
  });

  it('read TOML for the command line, and in a server only when it is asked about configuration files', () => {
    const reading = (path: string) => layerOf(path) === 'codex-config' || layerOf(path) === 'cli';
    const others = sources.filter(({ path }) => !reading(path));
    const loaded = (importsOf: (source: Source) => string[]) =>
      others.flatMap(source => within(source, importsOf(source)).filter(reading));
    expect(loaded(staticImports)).to.deep.equal([]);
    expect(loaded(dynamicImports)).to.have.members(['cli/main.ts', 'codex-config/select-toml.ts']);
    const parsers = sources.filter(source => staticImports(source).includes('toml-eslint-parser'));
    expect(parsers.map(({ path }) => path)).to.have.members([
      'codex-config/select-toml.ts',
      'codex-config/toml-document.ts',
    ]);
  });

  it('know nothing of this machine in shared-config', () => {
    const machine = sources
      .filter(({ path }) => layerOf(path) === 'shared-config')
      .flatMap(source => [
        ...[...staticImports(source), ...dynamicImports(source)]
          .filter(name => name.startsWith('node:') || builtinModules.includes(name))
          .map(name => `${source.path} -> ${name}`),
        ...(readsProcess(codeOf(source)) ? [`${source.path} reads process`] : []),
      ]);
    expect(machine).to.deep.equal([]);
  });

  it('read process.env where the program begins, and nowhere else', () => {
    const readers = sources
      .filter(source => readsEnvironment(codeOf(source)) || staticImports(source).includes('node:process'))
      .map(({ path }) => path)
      .filter(path => layerOf(path) !== 'cli');
    expect(readers).to.have.members([
      'program/stdio.ts',
      'core/bootstrap/inspect-host.ts',
      'core/connect.ts',
      'embedded/connect-embedded.ts',
      'program/launcher.ts',
    ]);
  });

  for (const [path, name] of [
    ['core/connect.ts', 'localEnv'],
    ['embedded/connect-embedded.ts', 'env'],
  ] as const) {
    it(`take process.env in ${path} as a default only`, () => {
      const code = codeOf(sources.find(source => source.path === path) as Source);
      expect(code.match(/[\w ]*=?[\w ]*\bprocess\.env\b/g)?.map(found => found.trim())).to.deep.equal([
        `${name} = process.env`,
      ]);
    });
  }
});

const readsProcess = (code: string): boolean => /(?<![.\w"'`])process\s*[.[?]|=\s*process\b/.test(code);

// What is taken apart may be the result of a method of `process`, or of something else by that name.
const readsEnvironment = (code: string): boolean =>
  /\bprocess\s*(?:\?\.|\.)\s*env\b|\bprocess\s*\[\s*["'`]env|\}\s*=\s*process\b(?!\s*[?.])/.test(code);
