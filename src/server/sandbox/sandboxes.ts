import { constants } from 'node:os';
import { launchFailed, unsupported } from '../../protocol/errors.ts';
import type { Sandbox } from '../../protocol/sandbox.ts';
import type { Env } from '../../shared-config/index.ts';
import type { Host } from '../environment/host.ts';
import {
  type Bubblewrap,
  failureOf,
  findBubblewrap,
  openSocketFilter,
  thisSandboxHost,
} from './bubblewrap.ts';
import {
  type BwrapSettings,
  bwrapOptions,
  descriptorsOf,
  FIRST_DESCRIPTOR,
  type HeldMount,
} from './bwrap-options.ts';
import { type HeldPath, holdPaths, releasePaths } from './held-paths.ts';
import { type ServerDirectories, sees, type View, viewOf } from './mounts.ts';
import { requestedAccess } from './requested-access.ts';

/** The start of a program in a sandbox. */
export type SandboxedStart = {
  readonly argv: readonly [string, ...string[]];
  readonly env: Env;
  /** Descriptors of this process that the child gets as 3, 4 and so on. */
  readonly descriptors: readonly number[];
};

/** One sandbox, ready to start programs in until it is released. */
export type PreparedSandbox = {
  readonly view: View;
  /** The same for sandboxes that are the same. */
  readonly key: string;
  /** Whether what is at a path of this machine can be seen in it. */
  sees(path: string): boolean;
  /** A start of a program in it, with exactly this environment. */
  start(argv: readonly string[], env: Env): SandboxedStart;
  /**
   * Makes the very sandbox once, for a program that does nothing.
   *
   * @throws {ExecServerError} `unsupported` if none can be made here, `launchFailed` at stage `sandbox` if not this one
   */
  probe(): Promise<void>;
  /** Closes the places that are held open for it. */
  release(): void;
};

/** The sandboxes of one connection. */
export class Sandboxes {
  readonly #host: Host;
  readonly #own: () => ServerDirectories;
  readonly #found: Bubblewrap | string;
  #impossible: string | undefined;

  /** @param own the directories of this server that no sandbox may see or write, as far as they exist yet */
  constructor(host: Host, own: () => ServerDirectories = () => ({})) {
    this.#host = host;
    this.#own = own;
    this.#found = findBubblewrap(thisSandboxHost(host.env.PATH, host.platform));
  }

  /** Why nothing can be confined here; `undefined` if nothing is known to speak against it. */
  get unavailable(): string | undefined {
    return this.#impossible ?? (typeof this.#found === 'string' ? this.#found : undefined);
  }

  /**
   * Prepares what a request asks for.
   *
   * @param cwd where a program starts in it
   * @param programs files that it sees whatever was asked
   * @returns `undefined` if nothing is to be confined
   * @throws {ExecServerError} `unsupported`, `invalidParams`, `launchFailed` at stage `sandbox` or `cwd`
   */
  prepare(
    sandbox: Sandbox,
    cwd: string | undefined,
    programs: readonly string[] = [],
  ): PreparedSandbox | undefined {
    const { platform, env } = this.#host;
    const wanted = requestedAccess(sandbox, { cwd, tmpdir: env.TMPDIR, platform });
    if (wanted === undefined) return undefined;
    const found = this.#bubblewrap();
    const view = viewOf(wanted, this.#own());
    if (cwd !== undefined && !sees(view, cwd)) throw unseenDirectory(cwd);
    const filterFd = wanted.network ? undefined : openSocketFilter();
    return this.#confinement(found, view, { cwd: cwd ?? '/', filterFd, programs });
  }

  #confinement(
    found: Bubblewrap,
    view: View,
    { cwd, filterFd, programs }: Pick<BwrapSettings, 'cwd' | 'filterFd' | 'programs'>,
  ): PreparedSandbox {
    const places = holdPaths(view.mounts.map(({ path }) => path));
    const mounts = view.mounts.map(
      (mount, index): HeldMount => ({ ...mount, ...(places[index] as HeldPath) }),
    );
    const descriptors = descriptorsOf({ ...view, mounts });
    const options = bwrapOptions(
      { ...view, mounts },
      {
        cwd,
        isRoot: process.getuid?.() === 0,
        filterFd: filterFd === undefined ? undefined : FIRST_DESCRIPTOR + descriptors.length,
        programs,
      },
    );
    const start = (argv: readonly string[], exact: Env) =>
      sandboxedStart(found, { options, descriptors, filterFd }, argv, exact);
    return {
      view,
      key: JSON.stringify([options, places.map(({ identity }) => identity)]),
      sees: path => sees(view, path),
      start,
      probe: () => this.#probe(start([], {})),
      release: () => releasePaths(places.splice(0)),
    };
  }

  #bubblewrap(): Bubblewrap {
    const { unavailable } = this;
    if (unavailable !== undefined || typeof this.#found === 'string') {
      throw unsupported('sandbox', unavailable ?? '');
    }
    return this.#found;
  }

  async #probe(start: SandboxedStart): Promise<void> {
    const failure = await failureOf(start);
    if (failure === undefined) return;
    const found = this.#bubblewrap();
    const least = /Unknown option --(?:ro-)?bind-fd/.test(failure)
      ? NEEDS_BIND_FD
      : await failureOf(sandboxedStart(found, LEAST, [], {}));
    if (least !== undefined && !PASSING.test(least)) {
      this.#impossible = `bubblewrap cannot make a sandbox on this host: ${inWords(least)}`;
      throw unsupported('sandbox', this.#impossible);
    }
    throw launchFailed(`cannot make the sandbox: ${inWords(failure)}`, {
      stage: 'sandbox',
      errno: errnoOf(failure),
      path: found.bwrap,
    });
  }
}

/** Failures that say nothing about the next time: the system had too little of something, or time ran out. */
const PASSING =
  /EMFILE|ENFILE|EAGAIN|ENOMEM|too many open files|temporarily unavailable|cannot allocate|^it was ended by/i;

const unseenDirectory = (cwd: string) =>
  launchFailed(`cwd is not visible in the sandbox: ${cwd}`, { stage: 'cwd', errno: 'ENOENT', path: cwd });

// What every sandbox has.
const LEAST: BwrapCall = {
  options: bwrapOptions(
    { root: 'read', mounts: [], links: [], network: false },
    { cwd: '/', isRoot: false, filterFd: undefined },
  ),
  descriptors: [],
  filterFd: undefined,
};

const NEEDS_BIND_FD =
  'it has no --bind-fd: update bubblewrap to 0.10 or to a version with the fix for CVE-2024-42472';

/** The last line: what comes before it is said in passing. */
const inWords = (failure: string): string =>
  /^\S*env: .*(?:option|usage)/im.test(failure)
    ? 'it takes GNU env, of coreutils 8.31 or later'
    : (failure.split('\n').at(-1) ?? failure).slice(0, 500);

const errnoOf = (failure: string): string => {
  if (/No such file/i.test(failure)) return 'ENOENT';
  if (/EMFILE|too many open files/i.test(failure)) return 'EMFILE';
  if (/EAGAIN|temporarily unavailable/i.test(failure)) return 'EAGAIN';
  if (/not permitted|No permissions/i.test(failure)) return 'EPERM';
  return /Permission denied/i.test(failure) ? 'EACCES' : 'UNKNOWN';
};

/** What bubblewrap is called with, and what of this process it needs. */
type BwrapCall = {
  readonly options: readonly string[];
  readonly descriptors: readonly number[];
  /** The filter of system calls, as a descriptor of this process. */
  readonly filterFd: number | undefined;
};

/**
 * Wraps a program three times:
 * - bash, which alone can close any descriptor, closes all that are neither the program's nor bubblewrap's: this
 *   process may have been started with more. It ignores signals, and what is ignored stays so in bubblewrap: a signal
 *   to the whole group would end that one before the program, and with it the program. And it opens the filter;
 * - bubblewrap makes the sandbox. It gets nothing of the program's environment by its name, since a library or
 *   a setting from there would work on it while it is still outside;
 * - env, inside, makes signals what they were and the environment what it should be. No value is written on
 *   any command line.
 */
const sandboxedStart = (
  { bwrap, env, bash }: Bubblewrap,
  { options, descriptors, filterFd }: BwrapCall,
  argv: readonly string[],
  exact: Env,
): SandboxedStart => {
  const variables = Object.entries(exact).map(([name, value]) => `${name}=${value}`);
  const places = variables.map((_, index) => `\${_${index}}`);
  const restore = ['-S-i --default-signal --', ...places].join(' ');
  const next = FIRST_DESCRIPTOR + descriptors.length;
  const openFilter = filterFd === undefined ? '' : `exec ${next}<"$0" || exit; `;
  const filter = filterFd === undefined ? 'bash' : `/proc/${process.pid}/fd/${filterFd}`;
  const script = `trap '' ${IGNORED.join(' ')}; ${closeFrom(next)}; ${openFilter}exec "$@"`;
  return {
    argv: [bash, '--norc', '-c', script, filter, bwrap, ...options, '--', env, restore, ...argv],
    env: Object.fromEntries(variables.map((variable, index) => [`_${index}`, variable])),
    descriptors,
  };
};

const closeFrom = (first: number): string =>
  `cd /proc/self/fd || exit; for f in *; do if [ "$f" -ge ${first} ]; then eval "exec $f>&-"; fi; done; cd /`;

// All that can be ignored but SIGCHLD, by which bubblewrap hears of ends, and those that stop and continue.
const KEPT = [
  'SIGKILL',
  'SIGSTOP',
  'SIGCHLD',
  'SIGCONT',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGWINCH',
  'SIGURG',
];
const IGNORED = [
  ...new Set(
    Object.entries(constants.signals)
      .filter(([name]) => !KEPT.includes(name))
      .map(([, number]) => number),
  ),
];
