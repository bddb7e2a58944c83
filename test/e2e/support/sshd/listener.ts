import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { childrenOf, killTree, signal } from '../process-tree.ts';

/** A running sshd. */
export type Listener = {
  readonly port: number;
  /** The pid of sshd; `undefined` if it has exited. */
  pid(): number | undefined;
  /** The log of sshd so far. */
  log(): string;
  /** Ends the sshd processes of the connections, not their commands; resolves when these processes have exited. */
  endConnections(): Promise<void>;
  /** Sends SIGKILL to sshd and its descendants; `closed` resolves when they have exited. */
  kill(): void;
  /** Resolves when every sshd process has exited. */
  readonly closed: Promise<void>;
};

/** Runs sshd on a port of 127.0.0.1; resolves when it listens, rejects with its log if it fails to. */
export const listen = async (sshd: string, config: string, port: number): Promise<Listener> => {
  // By absolute path: sshd executes itself again for each connection and refuses to run otherwise.
  const child = spawn(sshd, ['-D', '-e', '-f', config, '-p', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  // All sshd processes have stderr open and commands do not, so `close` is emitted when the last sshd has exited.
  const closed = new Promise<void>(resolve => child.once('close', () => resolve()));
  const pid = () => (child.exitCode === null && child.signalCode === null ? child.pid : undefined);
  const listener: Listener = {
    port,
    pid,
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
    child.once('error', error => settle(`could not be started (${error.message})`));
    child.once('close', code => settle(`exited with code ${code}`));
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
      throw new Error(`connections ${left} still open ${deadlineMs} ms after SIGTERM`);
    // SIGTERM, not SIGKILL: a connection has two processes (that of root has one). The first forwards SIGTERM to the
    // one with the socket, which would survive a SIGKILL of the first. Repeated, because sshd notices a SIGTERM that
    // arrives just before it waits only when something else wakes it.
    for (const pid of left) signal(pid, 'SIGTERM');
    await delay(20);
  }
};

const deadlineMs = 20_000;
