// Runs the tests on another version of Node, which is downloaded from npm: `npm run test:node -- 26 [FILE]…`.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { delimiter, dirname } from 'node:path';
import { nodeBinary } from '../test/support/node-versions.ts';

const [version, ...options] = process.argv.slice(2);
if (version === undefined) throw new Error('expected a version of Node, such as 26');
const node = nodeBinary(version);
const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
const { status, error } = spawnSync(node, [mocha, ...options], {
  stdio: 'inherit',
  // Programs that tests start by name run on it as well.
  env: { ...process.env, PATH: [dirname(node), process.env.PATH].join(delimiter) },
});
if (error !== undefined) throw error;
process.exitCode = status ?? 1;
