import { type ChildProcess, type IOType, spawn } from 'node:child_process';
import type { Stream } from 'node:stream';

export type ScriptOptions = {
  readonly script: string;
  /** `$0` of the script, for the list of processes. */
  readonly name: string;
  readonly args?: readonly string[];
  readonly stdin: IOType | Stream;
  /** A POSIX shell: the program and its arguments before `-c`. */
  readonly shell?: readonly [string, ...string[]];
};

/**
 * Starts a script for a POSIX sh that outlives this process: it has its own session, `/` as its directory, and no
 * descriptor, directory or variable of this process, apart from its stdin.
 *
 * @throws {Error} if Node cannot start it; other failures are an event of the result
 */
export const spawnScript = ({
  script,
  name,
  args = [],
  stdin,
  shell: [program, ...options] = ['/bin/sh'],
}: ScriptOptions): ChildProcess =>
  spawn(program, [...options, '-c', `eval "$${SCRIPT_VARIABLE}"`, name, ...args], {
    cwd: '/',
    env: {
      // NixOS has find, stat, sleep and rm in the last place only.
      PATH: '/usr/bin:/bin:/usr/sbin:/sbin:/run/current-system/sw/bin',
      // Names are bytes: in another locale a pattern doesn't fit one that isn't text.
      LC_ALL: 'C',
      // Not an argument: ps would show all of it.
      [SCRIPT_VARIABLE]: script,
      // Node hands its own to every child whose environment doesn't name it.
      NODE_V8_COVERAGE: undefined,
    },
    detached: true,
    stdio: [stdin, 'ignore', 'ignore'],
  });

/** The script has to unset it, so that its children do not get it. */
const SCRIPT_VARIABLE = 'EXEC_SERVER_SCRIPT';
