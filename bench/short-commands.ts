// What does a short command cost through a server, beside a bare spawn in the same client?
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, localServer } from '../src/core/index.ts';
import { measureInTurns, printRatios } from './support/rounds.ts';

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};

const exact = { exact: { PATH: '/usr/bin:/bin' } };
const server = await connect(localServer());
const remote = await connect({ ...localServer(), location: 'remote' });

printRatios(
  '/bin/true, start to closed',
  await measureInTurns(
    [
      {
        name: 'bare spawn',
        run: () =>
          timed(() =>
            once(spawn('/bin/true', { stdio: ['ignore', 'pipe', 'pipe'], env: exact.exact }), 'close'),
          ),
      },
      {
        name: 'through a server, exact environment',
        run: () =>
          timed(async () =>
            (await server.start({ argv: ['/bin/true'], cwd: '/', environment: exact })).collect(),
          ),
      },
      {
        name: 'through a server, with a policy',
        run: () => timed(async () => (await remote.start({ argv: ['/bin/true'], cwd: '/' })).collect()),
      },
    ],
    Number(process.env.ROUNDS ?? 300),
  ),
);
await Promise.all([server.close(), remote.close()]);
