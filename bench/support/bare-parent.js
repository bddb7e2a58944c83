// A Node that has idle children and nothing else. A line of its stdin says how many more are to be started, or `true`
// for one `/bin/true` from start to close; it answers with a line when that is done.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const start = (program, ...args) => spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });

const runTrue = () => {
  const child = start('/bin/true');
  child.stdout.resume();
  child.stderr.resume();
  return once(child, 'close');
};

const children = [];
const startMore = count => {
  const started = Array.from({ length: count }, () => start('sleep', '1000'));
  children.push(...started);
  return Promise.all(started.map(child => once(child, 'spawn')));
};

for await (const line of createInterface({ input: process.stdin })) {
  await (line === 'true' ? runTrue() : startMore(Number(line)));
  process.stdout.write('\n');
}
for (const child of children) child.kill('SIGKILL');
await Promise.all(children.map(child => once(child, 'close')));
