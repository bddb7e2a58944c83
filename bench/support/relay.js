// A Node that hands bytes on and does nothing else: the least that a server on Node can cost. Alone it passes its stdin
// to its stdout; with a command it passes its stdin to that and what comes from there to its stdout.
import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

const memory = Buffer.allocUnsafeSlow(64 * 1024);

const pass = (from, to) => {
  const source = new Socket({
    fd: from,
    readable: true,
    writable: false,
    onread: {
      buffer: memory,
      callback: (length, bytes) => {
        if (to.write(Buffer.from(bytes.subarray(0, length)))) return true;
        to.once('drain', () => source.resume());
        source.pause();
        return true;
      },
    },
  });
  source.on('end', () => to.end());
};

const stdout = new Socket({ fd: 1, readable: false, writable: true });
const [program, ...args] = process.argv.slice(2);
if (program === undefined) {
  pass(0, stdout);
} else {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  pass(0, child.stdin);
  child.stdout.on('data', bytes => stdout.write(bytes));
  child.stdout.on('end', () => stdout.end());
}
