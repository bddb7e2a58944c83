// How long until a server that is launched has answered `initialize`, beside a Node that does nothing?
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { measureInTurns, printRatios } from './support/rounds.ts';

const program = fileURLToPath(new URL('../dist/exec-server.cjs', import.meta.url));
const body = '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"clientName":"bench"}}';
const initialize = `Content-Length: ${body.length}\r\n\r\n${body}`;

const nothing = async (): Promise<number> => {
  const start = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'pipe' }), 'close');
  return performance.now() - start;
};

const firstAnswer = async (): Promise<number> => {
  const start = performance.now();
  const server = spawn(process.execPath, [program, '--stdio'], { stdio: 'pipe' });
  server.stdin.write(initialize);
  await once(server.stdout, 'data');
  const time = performance.now() - start;
  server.stdin.end();
  await once(server, 'close');
  return time;
};

printRatios(
  'start-up',
  await measureInTurns(
    [
      { name: 'node -e 0, start to end', run: nothing },
      { name: 'exec-server --stdio, start to first answer', run: firstAnswer },
    ],
    Number(process.env.ROUNDS ?? 30),
  ),
);
