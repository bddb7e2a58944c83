// Builds dist/: the program as files, which start faster than modules, and the library with its types.
//   exec-server.cjs      the server; with --stdio it loads nothing else, and works when copied alone
//   exec-server-cli.cjs, exec-server-config.cjs  everything else, loaded by the first from the same directory
//   man/                 the man pages
//   exec-server-host.sh, exec-server-install.cjs  run on a host that has no server
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
// Built next to dist/ and renamed when complete, so that a program that runs from dist/ finds its files.
const made = mkdtempSync(join(root, 'dist.'));
process.on('exit', () => rmSync(made, { recursive: true, force: true }));

/** @type {import('esbuild').BuildOptions} */
const options = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  minify: true,
  // The library finds the program by its own URL; the program itself has none.
  define: { 'import.meta.url': 'undefined' },
  // So that one file loads the other by require, not by the slower loader of modules.
  supported: { 'dynamic-import': false },
  logLevel: 'warning',
};

/** Modules that the server loads from separate files in its own directory. */
const separate = [
  { module: 'cli/main.ts', file: 'exec-server-cli.cjs' },
  { module: 'codex-config/select-toml.ts', file: 'exec-server-config.cjs' },
];

/** @type {import('esbuild').Plugin} */
const loadedSeparately = {
  name: 'loaded-separately',
  setup: ({ onResolve }) => {
    for (const { module, file } of separate) {
      const imported = new RegExp(`/${module.replaceAll('.', '\\.')}$`);
      onResolve({ filter: imported }, ({ kind }) =>
        kind === 'dynamic-import' ? { path: `./${file}`, external: true } : undefined,
      );
    }
  },
};

/** A module that loads a part of Node when something of it is asked for. */
const onDemand = ({ path }) => ({
  contents: Object.keys(createRequire(import.meta.url)(`node:${path}`))
    .filter(name => name !== 'default')
    .map(name => `get ${name}() { return require('node:${path}').${name}; }`)
    .reduce((all, getter) => `${all}${getter},\n`, 'module.exports = {\n')
    .concat('};'),
});

/**
 * Leaves out the parts of Node that the launcher imports and doesn't use.
 *
 * @type {import('esbuild').Plugin}
 */
const unusedBuiltins = {
  name: 'unused-builtins',
  setup: ({ onResolve }) => {
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, external: true, sideEffects: false }));
  },
};

// Parts of Node that a start has no use for, and that take a while to load.
const late = [
  'child_process',
  'crypto',
  'fs/promises',
  'http',
  'https',
  'module',
  'os',
  'perf_hooks',
  'timers/promises',
  'util',
  'v8',
  'worker_threads',
];

/** @type {import('esbuild').Plugin} */
const builtinsOnDemand = {
  name: 'builtins-on-demand',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: new RegExp(`^(node:)?(${late.join('|')})$`) }, ({ path, namespace }) =>
      namespace === 'on-demand' ? undefined : { path: path.replace(/^node:/, ''), namespace: 'on-demand' },
    );
    onLoad({ filter: /.*/, namespace: 'on-demand' }, onDemand);
  },
};

// The launcher has the program in a comment of a function, whose text it asks for: a string would be scanned and copied.
const commentEnd = '*\u0001/';
const main = await build({
  ...options,
  entryPoints: [join(root, 'src/program/main.ts')],
  write: false,
  plugins: [loadedSeparately, builtinsOnDemand],
});
const program = `(function(exports,require,module,__filename,__dirname,opening){${main.outputFiles[0]?.text}\n})`;
// Files of one byte a character are read the fastest.
if (/[^\0-\x7f]/.test(program)) throw new Error('src/program/main.ts makes a bundle that is not ASCII');
const comment = program.replaceAll('*/', commentEnd);
const launcher = await build({
  ...options,
  entryPoints: [join(root, 'src/program/launcher.ts')],
  // An old Node has to parse it to report that it is too old.
  target: 'node8',
  write: false,
  plugins: [unusedBuiltins],
  banner: { js: '#!/usr/bin/env node' },
  define: {
    ...options.define,
    PROGRAM_ID: JSON.stringify(createHash('sha256').update(program).digest('hex')),
    COMMENT_END: JSON.stringify(commentEnd),
  },
});
const file = join(made, 'exec-server.cjs');
writeFileSync(file, `${launcher.outputFiles[0]?.text}function PROGRAM(){/*${comment}*/}`);
for (const { module, file } of separate) {
  await build({ ...options, entryPoints: [join(root, 'src', module)], outfile: join(made, file) });
}
const manPages = await build({
  ...options,
  minify: false,
  entryPoints: [join(root, 'scripts/man-pages.ts')],
  write: false,
});
const generator = { exports: {} };
new Function('module', 'require', manPages.outputFiles[0]?.text ?? '')(
  generator,
  createRequire(import.meta.url),
);
mkdirSync(join(made, 'man'));
for (const { file, text } of generator.exports.manPages()) writeFileSync(join(made, 'man', file), text);

// The script reads it as one line.
const installer = await build({
  ...options,
  entryPoints: [join(root, 'src/program/installer.ts')],
  // Line breaks of a template are written as they are.
  supported: { ...options.supported, 'template-literal': false },
  write: false,
});
const installerText = installer.outputFiles[0]?.text.trim() ?? '';
if (installerText.includes('\n')) throw new Error('src/program/installer.ts makes a bundle of several lines');
writeFileSync(join(made, 'exec-server-install.cjs'), `${installerText}\n`);
copyFileSync(join(root, 'src/core/bootstrap/host-script.sh'), join(made, 'exec-server-host.sh'));
// It is copied to other hosts as it is.
chmodSync(file, 0o755);
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

for (const name of ['exec-server.cjs', ...separate.map(({ file }) => file)]) {
  process.stdout.write(`dist/${name} ${Math.ceil(statSync(join(dist, name)).size / 1024)} KiB\n`);
}
