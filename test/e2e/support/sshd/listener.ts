import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { childrenOf, killTree, signal } from '../process-tree.ts';

/** A running sshd. */
export type Listener = {
  readonly port: number;
  /** What sshd has logged so far. */
  log(): string;
  /** Ends the connections' own sshd processes and not the commands they run; resolves when they have ended. */
  endConnections(): Promise<void>;
  /** Kills sshd and everything below it at once; `closed` tells when it has come to pass. */
  kill(): void;
  /** Resolves when every sshd process has ended. */
  readonly closed: Promise<void>;
};

/** Runs sshd on a port of 127.0.0.1; resolves when it listens, rejects with its log if it doesn't get there. */
export const listen = async (sshd: string, config: string, port: number): Promise<Listener> => {
  // By absolute path: sshd starts itself again for each connection and refuses to run otherwise.
  const child = spawn(sshd, ['-D', '-e', '-f', config, '-p', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  // Every sshd process holds stderr and no command does, so `close` comes when the last sshd has ended.
  const closed = new Promise<void>(resolve => child.once('close', () => resolve()));
  const pid = () => (child.exitCode === null && child.signalCode === null ? child.pid : undefined);
  const listener: Listener = {
    port,
    log: () => log,
    endConnections: async () => {
      const parent = pid();
      if (parent !== undefined) await endAll(childrenOf(parent), parent);
    },
    kill: () => {
      const root = pid();
      if (root !== undefined) killTree(root);
    },
    closed,
  };

  await new Promise<void>((resolve, reject) => {
    const settle = (problem?: string): void => {
      clearTimeout(deadline);
      if (problem === undefined) resolve();
      else
        reject(new Error(`${sshd} ${problem} instead of listening on 127.0.0.1:${port}; its log:\n${log}`));
    };
    const deadline = setTimeout(() => {
      listener.kill();
      settle(`was silent for ${deadlineMs} ms`);
    }, deadlineMs);
    child.once('error', error => settle(`didn't start (${error.message})`));
    child.once('close', code => settle(`ended with exit code ${code}`));
    child.stderr.setEncoding('utf8').on('data', chunk => {
      log += chunk;
      if (log.includes('Server listening on')) settle();
    });
  });
  return listener;
};

const endAll = async (connections: readonly number[], parent: number): Promise<void> => {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const left = childrenOf(parent).filter(pid => connections.includes(pid));
    if (left.length === 0) return;
    if (performance.now() > deadline)
      throw new Error(`connections ${left} still there ${deadlineMs} ms after SIGTERM`);
    // TERM and not KILL: of a connection's two processes (root's has one) the first passes TERM on to the one that
    // has the socket, and that one would outlive a KILL of the first. Again and again: a TERM that arrives just
    // before sshd goes to wait is noticed only when something else wakes it.
    for (const pid of left) signal(pid, 'SIGTERM');
    await delay(20);
  }
};

const deadlineMs = 20_000;
