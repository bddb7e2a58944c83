// A Node that has idle children and nothing else: starts as many more as each line of its stdin says, and answers
// with a line when they run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const children = [];
for await (const line of createInterface({ input: process.stdin })) {
  const started = Array.from({ length: Number(line) }, () =>
    spawn('sleep', ['1000'], { stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  children.push(...started);
  await Promise.all(started.map(child => once(child, 'spawn')));
  process.stdout.write('\n');
}
for (const child of children) child.kill('SIGKILL');
await Promise.all(children.map(child => once(child, 'close')));
