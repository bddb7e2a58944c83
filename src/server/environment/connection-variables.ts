import type { Env } from '../../shared-config/index.ts';

/** Variables of a login that belong to its connection: agents, displays, tickets, the peer. */
const NAMES = [
  'DISPLAY',
  'KRB5CCNAME',
  'SSH_AGENT_PID',
  'SSH_ASKPASS',
  'SSH_AUTH_SOCK',
  'SSH_CLIENT',
  'SSH_CONNECTION',
  'SSH_TTY',
  'WAYLAND_DISPLAY',
  'XAUTHORITY',
  'XDG_SESSION_ID',
] as const;

/** Keeps the variables current that belong to the connection of a session, which outlives the first one. */
export class ConnectionVariables {
  readonly #first: Env;
  #newest: Env | undefined;

  /** @param first environment of the server, which is that of the first connection */
  constructor(first: Env) {
    this.#first = first;
  }

  /** Takes the variables of a connection that has resumed the session. */
  update(newest: Env): void {
    this.#newest = newest;
  }

  /** Replaces the values of the first connection by those of the newest one; what a start-up file has set stays. */
  applyTo(env: Env): Env {
    const newest = this.#newest;
    if (newest === undefined) return env;
    const names: readonly string[] = NAMES.filter(name => env[name] === this.#first[name]);
    const others = Object.keys(env).filter(name => !names.includes(name));
    return { ...pick(env, others), ...pick(newest, names) };
  }
}

/** Variables of a process that belong to its connection. */
export const connectionVariables = (env: Env): Env => pick(env, NAMES);

/** Reads them from a message of another process; anything else in it is ignored. */
export const parseConnectionVariables = (message: unknown): Env =>
  typeof message === 'object' && message !== null
    ? pick(Object.fromEntries(Object.entries(message).filter(isVariable)), NAMES)
    : {};

const isVariable = (entry: [string, unknown]): entry is [string, string] =>
  typeof entry[1] === 'string' && !entry[1].includes('\0');

const pick = (env: Env, names: readonly string[]): Env =>
  Object.fromEntries(
    names.flatMap(name => {
      const value = env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
