// Builds dist/: the program as one file, which starts faster than modules, and the library with its types.
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
const program = join(root, 'dist/exec-server.cjs');

rmSync(join(root, 'dist'), { recursive: true, force: true });
await build({
  entryPoints: [join(root, 'src/main.ts')],
  outfile: program,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  minify: true,
  banner: { js: '#!/usr/bin/env node' },
  // The library finds the program beside itself; inside the program there is no beside.
  define: { 'import.meta.url': 'undefined' },
  logLevel: 'warning',
});
// It is copied to other hosts as it is.
chmodSync(program, 0o755);
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
process.stdout.write(`dist/exec-server.cjs ${Math.ceil(statSync(program).size / 1024)} KiB\n`);
