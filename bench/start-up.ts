import { bareRun } from './support/bare.ts';
import { Client } from './support/client.ts';
import type { Question, Server } from './support/question.ts';
import { openSsh } from './support/ssh.ts';
import { timed } from './support/timing.ts';

export const startUp: Question = {
  name: 'start-up',
  asks: 'How long from the launch of a server until it has answered `initialize`?',
  floor: '`node -e 0`, start to end; over ssh: `ssh host true`',
  metrics: [
    {
      id: 'local',
      title: 'here: launch to answer',
      unit: 'ms',
      better: 'lower',
      goal: { atMost: 1.15, times: 'floor' },
    },
    {
      id: 'ssh',
      title: 'over ssh: launch to answer',
      unit: 'ms',
      better: 'lower',
      goal: { atMost: 1.25, times: 'floor' },
    },
    { id: 'sshCommand', title: 'over ssh: launch to the end of /bin/true', unit: 'ms', better: 'lower' },
  ],
  rounds: 15,
  open: async setting => {
    const ssh = setting.quick ? undefined : await openSsh(setting);
    return {
      floor: async () => ({
        run: async () => {
          // With the environment that servers get, too.
          const local = await timed(() => bareRun([process.execPath, '-e', '0'], { env: process.env }));
          if (ssh === undefined) return { local };
          const there = await timed(() => bareRun(ssh.argv(['true']), { env: process.env }));
          return { local, ssh: there, sshCommand: there };
        },
      }),
      through: async server => ({
        run: async () => {
          const { launch: local } = await launched(server);
          if (ssh === undefined) return { local };
          const there = await launched({ ...server, argv: ssh.argv(server.argv) });
          return { local, ssh: there.launch, sshCommand: there.command };
        },
      }),
      close: async () => ssh?.stop(),
    };
  },
};

const launched = async (server: Server): Promise<{ launch: number; command: number }> => {
  const start = performance.now();
  const client = new Client(server);
  await client.initialize();
  const launch = performance.now() - start;
  await client.start({ argv: ['/bin/true'] }).closed;
  const command = performance.now() - start;
  await client.close();
  return { launch, command };
};
