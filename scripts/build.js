// Builds dist/: the program as files, which start faster than modules, and the library with its types.
//   exec-server.cjs      the server; with --stdio it loads nothing else, and works when copied alone
//   exec-server-cli.cjs, exec-server-config.cjs  everything else, loaded by the first from beside it
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
// Made beside dist/ and put in its place when it is complete: a program that runs from there finds its files.
const made = mkdtempSync(join(root, 'dist.'));
process.on('exit', () => rmSync(made, { recursive: true, force: true }));

/** @type {import('esbuild').BuildOptions} */
const options = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  minify: true,
  // The library finds the program beside itself; inside the program there is no beside.
  define: { 'import.meta.url': 'undefined' },
  // So that one file loads the other by require, not by the slower loader of modules.
  supported: { 'dynamic-import': false },
  logLevel: 'warning',
};

/** What the server loads from beside it: modules that nothing else of the server is in. */
const beside = [
  { module: 'cli/main.ts', file: 'exec-server-cli.cjs' },
  { module: 'shared-config/config/select-toml.ts', file: 'exec-server-config.cjs' },
];

/** @type {import('esbuild').Plugin} */
const loadedFromBeside = {
  name: 'loaded-from-beside',
  setup: ({ onResolve }) => {
    for (const { module, file } of beside) {
      const imported = new RegExp(`/${module.replaceAll('.', '\\.')}$`);
      onResolve({ filter: imported }, ({ kind }) =>
        kind === 'dynamic-import' ? { path: `./${file}`, external: true } : undefined,
      );
    }
  },
};

// Parts of Node that a start has no use for, and that take a while to load.
const late = [
  'child_process',
  'crypto',
  'fs/promises',
  'http',
  'https',
  'os',
  'perf_hooks',
  'timers/promises',
  'util',
];

/** @type {import('esbuild').Plugin} */
const builtinsOnDemand = {
  name: 'builtins-on-demand',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: new RegExp(`^(node:)?(${late.join('|')})$`) }, ({ path, namespace }) =>
      namespace === 'on-demand' ? undefined : { path: path.replace(/^node:/, ''), namespace: 'on-demand' },
    );
    onLoad({ filter: /.*/, namespace: 'on-demand' }, ({ path }) => ({
      contents: Object.keys(createRequire(import.meta.url)(`node:${path}`))
        .filter(name => name !== 'default')
        .map(name => `get ${name}() { return require('node:${path}').${name}; }`)
        .reduce((all, getter) => `${all}${getter},\n`, 'module.exports = {\n')
        .concat('};'),
    }));
  },
};

const program = join(made, 'exec-server.cjs');
const bundled = await build({
  ...options,
  entryPoints: [join(root, 'src/main.ts')],
  write: false,
  plugins: [loadedFromBeside, builtinsOnDemand],
});
const text = bundled.outputFiles[0]?.text ?? '';
await build({
  ...options,
  entryPoints: [join(root, 'src/launcher/launcher.ts')],
  outfile: program,
  banner: { js: '#!/usr/bin/env node' },
  define: {
    PROGRAM_TEXT: JSON.stringify(text),
    PROGRAM_ID: JSON.stringify(createHash('sha256').update(text).digest('hex').slice(0, 16)),
  },
});
for (const { module, file } of beside) {
  await build({ ...options, entryPoints: [join(root, 'src', module)], outfile: join(made, file) });
}
// It is copied to other hosts as it is.
chmodSync(program, 0o755);
chmodSync(made, 0o755);

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', made], {
  cwd: root,
  stdio: 'inherit',
});
const replaced = `${made}.replaced`;
if (existsSync(dist)) renameSync(dist, replaced);
renameSync(made, dist);
rmSync(replaced, { recursive: true, force: true });

for (const name of ['exec-server.cjs', ...beside.map(({ file }) => file)]) {
  process.stdout.write(`dist/${name} ${Math.ceil(statSync(join(dist, name)).size / 1024)} KiB\n`);
}
