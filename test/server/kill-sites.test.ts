import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { expect } from 'chai';
import { transformSync } from 'esbuild';

const root = join(import.meta.dirname, '../../src');

/** What a signal is sent by: system calls, commands of shells and systems, and the functions here that come down to one. */
const SENDS =
  /\.kill\b|(?<![\w.#])kill\(|\bkill (?:-|")|taskkill|\bsignal(?:Pid|Process|All)\(|\b(?:kill|signal)Holders\(|\b(?:groups?|target)\.signal\(|\b(?:tg|tk)kill\b|pidfd_send|^timeout:|killSignal/;

type Site = {
  /** What says that the process is the one that is meant, and can't be reused in the meantime. */
  readonly identity: string;
  readonly lines: readonly string[];
};

const UNREAPED = 'a child of this process whose end it has not handled: until then no process gets its pid';
const GROUP =
  'a group that is led by such a child, or has members: no process gets its number; a leader that is there after that is a stranger';
const PINNED = 'device and inode of files that are pinned, start time of the pid, no older than this process';
const START_TIME = 'the start time of the pid, compared right before';

/** Every place that sends a signal, by file. */
const SITES: Readonly<Record<string, Site>> = {
  'core/transport.ts': {
    identity: UNREAPED,
    lines: [
      'child.kill("SIGHUP");',
      'child.kill("SIGCONT");',
      'child.kill("SIGTERM");',
      'child.kill("SIGKILL");',
    ],
  },
  'program/installer.ts': {
    identity: `the server that it starts: ${UNREAPED}; Node sends it. A pid of this host, in the name of an incomplete installation: 0 is no signal`,
    lines: ['timeout: FIRST_START_MS,', 'killSignal: "SIGKILL"', 'process.kill(pid, 0);'],
  },
  'server/environment/login/end-session.ts': {
    identity: `${GROUP}; the same for a session. Its stdout: a socket whose other end, here, has not ended`,
    lines: [
      'await signalAll(session, "SIGHUP", "SIGCONT");',
      'await signalAll(session, "SIGTERM", "SIGCONT");',
      'await signalHolders(heldStdout(), ["SIGTERM"]);',
      'await killHolders(heldStdout());',
      'for (let round = 0; round < MAX_ROUNDS && await signalAll(session, "SIGKILL"); round += 1) {',
      'for (const group of left) for (const signal of signals) session.groups.signal(group, signal);',
    ],
  },
  'server/environment/login/session-keeper.ts': {
    identity: `${GROUP}: the same for a session, whose leader has the start time that the server read; its own group`,
    lines: [
      'kill -0 "-$leader" && groups=$leader',
      'for group in $groups; do kill "-$1" "-$group"; done',
      'while [ "$left" -gt 0 ] && kill -0 "-$leader"; do',
      'kill -KILL 0',
    ],
  },
  'system/end-process.ts': {
    identity: 'this process itself',
    lines: ['process.kill(process.pid, "SIGKILL");'],
  },
  'system/holders.ts': {
    identity: PINNED,
    lines: [
      'if (!signalProcess(entry, "SIGKILL")) return;',
      'for (const signal of signals) signalProcess(entry, signal);',
    ],
  },
  'system/process-groups.ts': {
    identity: 'what its callers rely on; 0 is no signal',
    lines: [
      'export const posixGroups = (kill = process.kill.bind(process)) => ({',
      'kill(-leader, signal);',
      'return kill(-leader, 0);',
      'export const windowsGroups = (run = runDetached, kill = process.kill.bind(process)) => ({',
      'if (signal === "SIGTERM" || signal === "SIGKILL") run("taskkill", ["/PID", String(leader), "/T", "/F"]);',
      'return kill(pid, 0);',
    ],
  },
  'system/signal-process.ts': {
    identity: `${START_TIME}; ${UNREAPED}`,
    lines: ['return signalPid(pid, signal);', 'return process.kill(pid, signal);'],
  },
  'system/watchdog-script.ts': {
    identity:
      'groups as the server says, which forgets them when they are empty; device and inode of named files and time of terminals, and the start time of the pid; the start time of the server as it says itself',
    lines: [
      'kill "-$1" "-$group"',
      'if ! kill -0 "-$group"; then',
      'kill -KILL "-$group"',
      '[ -n "$before" ] && [ "$start" = "$before" ] && kill -KILL "$pid" && killed=0 skip=$pid',
      'kill -KILL "$PPID"',
    ],
  },
  'server/process/stop/child-group.ts': {
    identity: GROUP,
    lines: ['if (this.isAlive) for (const signal of signals) this.#groups.signal(this.leader, signal);'],
  },
  'server/process/child-signals.ts': {
    identity: `${UNREAPED}; for a group: ${GROUP}; for the program in a sandbox and for descendants: ${START_TIME}`,
    lines: [
      'this.#group.signal(signal);',
      'if (sandboxed === void 0) signalPid(pid, signal);',
      'else if (sandboxed.command.program !== void 0) signalProcess(sandboxed.command.program, signal);',
      'signalPid(pid, signal);',
      'if (entry !== void 0) signalProcess(entry, signal, platform);',
    ],
  },
  'server/process/processes.ts': { identity: PINNED, lines: ['await this.#leftovers.killHolders();'] },
  'server/keeping/session-files.ts': { identity: '0 is no signal', lines: ['return process.kill(pid, 0);'] },
  'server/process/pty/pty-fork.ts': { identity: '0 is no signal', lines: ['return process.kill(pid, 0);'] },
  'server/process/pty/pty-windows.ts': {
    identity: 'the handle of a terminal that is not closed',
    lines: ['if (!closed) terminal.kill();'],
  },
  'server/process/stop/leftovers.ts': {
    identity: PINNED,
    lines: ['async killHolders() {', 'await killHolders([...pipes, ...this.#terminals.keys()]);'],
  },
  'server/process/stop/stop-group.ts': {
    identity: GROUP,
    lines: [
      'if (!await endsBy("SIGTERM", group, graceMs)) await group.signal("SIGKILL");',
      'await target.signal(signal, "SIGCONT");',
    ],
  },
  'server/process/stop/stop-process.ts': { identity: PINNED, lines: ['await killHolders(streams);'] },
  'server/process/stop/terminal-session.ts': {
    identity: `${GROUP}; for other processes: ${PINNED}; for the program in a sandbox: ${START_TIME}`,
    lines: [
      'this.#group.signal(...signals);',
      'await signalHolders(terminal, signals, ({ pgid }) => pgid !== leader);',
      'for (const signal of signals) signalProcess(program, signal);',
    ],
  },
  'server/sandbox/bubblewrap.ts': {
    identity: `${UNREAPED}; Node sends it`,
    lines: ['timeout: SANDBOX_PROBE_MS,', 'killSignal: "SIGKILL"'],
  },
  'server/sandbox/sandboxed-server.ts': {
    identity: UNREAPED,
    lines: ['process.kill(-this.#child.pid, "SIGKILL");'],
  },
};

/** The lines of what runs of a module, without types and comments; those of a script in it one by one. */
const linesOf = (path: string): string[] =>
  transformSync(readFileSync(join(root, path), 'utf8'), { loader: 'ts', target: 'es2023' })
    .code.split('\n')
    .flatMap(line => (line.includes('`') ? line.split('\\n') : [line]))
    .map(line => line.trim());

describe('a signal', () => {
  it('is sent only from places whose identity of the process is listed here', () => {
    const found = readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter(path => path.endsWith('.ts'))
      .map(path => [path.replaceAll(sep, '/'), linesOf(path).filter(line => SENDS.test(line))] as const)
      .filter(([, lines]) => lines.length > 0);
    const listed = Object.entries(SITES).map(([path, { lines }]) => [path, lines]);
    expect(Object.fromEntries(found)).to.deep.equal(Object.fromEntries(listed));
  });
});
