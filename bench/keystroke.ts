import { bareSpawn, relay } from './support/bare.ts';
import { Client } from './support/client.ts';
import { bareEcho, echoThrough } from './support/echo.ts';
import type { Question } from './support/question.ts';

export const keystroke: Question = {
  name: 'keystroke',
  asks: 'How long from a key to its echo?',
  floor: 'a byte through bare pipes to `cat` and back, also next to the terminal',
  metrics: [
    {
      id: 'pipeP50',
      title: 'through `cat` on pipes, p50',
      unit: 'ms',
      better: 'lower',
      goal: { atMost: 0.15 },
    },
    {
      id: 'pipeP99',
      title: 'through `cat` on pipes, p99',
      unit: 'ms',
      better: 'lower',
      goal: { atMost: 3, times: { metric: 'pipeP50' } },
    },
    { id: 'relay', title: 'through a Node that only relays it, p50', unit: 'ms', better: 'lower' },
    { id: 'ttyP50', title: 'through `cat` on a terminal, p50', unit: 'ms', better: 'lower' },
    { id: 'ttyP99', title: 'through `cat` on a terminal, p99', unit: 'ms', better: 'lower' },
  ],
  rounds: 15,
  open: async ({ quick, note }) => {
    const keys = quick ? 50 : 1000;
    return {
      floor: async () => {
        const cat = bareSpawn(['cat']);
        const relayed = bareSpawn(relay('cat'));
        return {
          run: async () => {
            const { p50, p99 } = await bareEcho(cat, keys);
            const through = await bareEcho(relayed, keys);
            return { pipeP50: p50, pipeP99: p99, relay: through.p50, ttyP50: p50, ttyP99: p99 };
          },
          close: async () => {
            cat.kill();
            relayed.kill();
          },
        };
      },
      through: async server => {
        const client = await Client.open(server);
        const onPipes = client.start({ argv: ['cat'], stdin: true });
        await onPipes.started;
        const onTerminal = client.start({ argv: ['sh', '-c', RAW_CAT], tty: true });
        const ready = await onTerminal.nextOutput().then(
          () => true,
          reason => void note(`${server.name}: on a terminal: ${reason.message}`),
        );
        return {
          run: async () => {
            const pipe = await echoThrough(onPipes, keys);
            const sample = { pipeP50: pipe.p50, pipeP99: pipe.p99 };
            if (!ready) return sample;
            const tty = await echoThrough(onTerminal, keys);
            return { ...sample, ttyP50: tty.p50, ttyP99: tty.p99 };
          },
          close: () => client.close(),
        };
      },
    };
  },
};

// Without echo of its own and without waiting for a line, so that it is `cat` that answers.
const RAW_CAT = 'stty raw -echo && printf ready && exec cat';
