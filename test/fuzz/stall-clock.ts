import { readFileSync } from 'node:fs';

/**
 * Measures the time that a server takes, without the time that its main thread or this process waited for a processor
 * and the time that this process ran.
 */
export class StallClock {
  readonly #schedstat: string;

  /** @param pid the server */
  constructor(pid: number) {
    this.#schedstat = `/proc/${pid}/task/${pid}/schedstat`;
  }

  /** Starts a measurement. Returns a function for the milliseconds since, and those that the server ran. */
  start(): () => { readonly ms: number; readonly runningMs: number } {
    const [from, server, own] = [performance.now(), read(this.#schedstat), read('/proc/self/schedstat')];
    return () => {
      const [now, serverNow, ownNow] = [
        performance.now(),
        read(this.#schedstat),
        read('/proc/self/schedstat'),
      ];
      const delayed = serverNow.waited - server.waited + ownNow.waited - own.waited + ownNow.ran - own.ran;
      return { ms: now - from - Math.max(0, delayed), runningMs: serverNow.ran - server.ran };
    };
  }
}

type Schedule = { readonly ran: number; readonly waited: number };

const read = (path: string): Schedule => {
  try {
    const [ran = 0, waited = 0] = readFileSync(path, 'utf8').split(' ').map(Number);
    return { ran: ran / 1e6, waited: waited / 1e6 };
  } catch {
    return { ran: 0, waited: 0 };
  }
};
