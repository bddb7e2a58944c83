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

/** The command that starts a program in a sandbox. */
export type SandboxedStart = {
  readonly argv: readonly [string, ...string[]];
  readonly env: Env;
  /** Descriptors of this process that the child inherits as 3, 4 and so on. */
  readonly descriptors: readonly number[];
};

/** A sandbox that programs can be started in until it is released. */
export type PreparedSandbox = {
  readonly view: View;
  /** Equal for equal sandboxes. */
  readonly key: string;
  /** Returns true if a path of this machine is visible in the sandbox. */
  sees(path: string): boolean;
  /** The number by which a program has the descriptor that it inherits. */
  readonly descriptorNumber: number;
  /**
   * Returns the command that starts a program in the sandbox with exactly this environment.
   *
   * @param inherited a descriptor of this process that the program inherits
   */
  start(argv: readonly string[], env: Env, inherited?: number): SandboxedStart;
  /**
   * Creates the sandbox once, for a program that does nothing.
   *
   * @throws {ExecServerError} `unsupported` if this host cannot create any, `launchFailed` at stage `sandbox` if it
   *   cannot create this one
   */
  probe(): Promise<void>;
  /** Closes the descriptors of its mounts. */
  release(): void;
};

/** The sandboxes of one connection. */
export class Sandboxes {
  readonly #host: Host;
  readonly #protected: () => ServerDirectories;
  /** Bubblewrap, or the reason why sandboxes are unavailable. */
  readonly #found: Bubblewrap | string;
  #failure: string | undefined;

  /** @param serverDirectories returns those that exist by now */
  constructor(host: Host, serverDirectories: () => ServerDirectories = () => ({})) {
    this.#host = host;
    this.#protected = serverDirectories;
    this.#found = findBubblewrap(thisSandboxHost(host.env.PATH, host.platform));
  }

  /** The reason why sandboxes are unavailable; `undefined` if none is known. */
  get unavailable(): string | undefined {
    return this.#failure ?? (typeof this.#found === 'string' ? this.#found : undefined);
  }

  /**
   * Prepares the sandbox of a request.
   *
   * @param cwd the working directory of programs in it
   * @param programs files that are visible in it whatever the entries request
   * @returns `undefined` if the sandbox restricts nothing
   * @throws {ExecServerError} `unsupported`, `invalidParams`, `launchFailed` at stage `sandbox` or `cwd`
   */
  prepare(
    sandbox: Sandbox,
    cwd: string | undefined,
    programs: readonly string[] = [],
  ): PreparedSandbox | undefined {
    const { platform, env } = this.#host;
    const requested = requestedAccess(sandbox, { cwd, tmpdir: env.TMPDIR, platform });
    if (requested === undefined) return undefined;
    const found = this.#bubblewrap();
    const view = viewOf(requested, this.#protected());
    if (cwd !== undefined && !sees(view, cwd)) throw invisibleDirectory(cwd);
    const filterFd = requested.network ? undefined : openSocketFilter();
    return this.#prepared(found, view, { cwd: cwd ?? '/', filterFd, programs });
  }

  #prepared(
    found: Bubblewrap,
    view: View,
    { cwd, filterFd, programs }: Pick<BwrapSettings, 'cwd' | 'filterFd' | 'programs'>,
  ): PreparedSandbox {
    const held = holdPaths(view.mounts.map(({ path }) => path));
    const mounts = view.mounts.map((mount, index): HeldMount => ({ ...mount, ...(held[index] as HeldPath) }));
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
    const start = (argv: readonly string[], exact: Env, inherited?: number) =>
      sandboxedStart(found, { options, descriptors, filterFd, inherited }, argv, exact);
    return {
      view,
      key: JSON.stringify([options, held.map(({ identity }) => identity)]),
      sees: path => sees(view, path),
      descriptorNumber: FIRST_DESCRIPTOR + descriptors.length + (filterFd === undefined ? 0 : 1),
      start,
      probe: () => this.#probe(start([], {})),
      release: () => releasePaths(held.splice(0)),
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
    const general = /Unknown option --(?:ro-)?bind-fd/.test(failure)
      ? NEEDS_BIND_FD
      : await failureOf(sandboxedStart(found, MINIMAL_CALL, [], {}));
    if (general !== undefined && !TEMPORARY.test(general)) {
      this.#failure = `bubblewrap cannot create a sandbox on this host: ${messageOf(general)}`;
      throw unsupported('sandbox', this.#failure);
    }
    throw launchFailed(`cannot create the sandbox: ${messageOf(failure)}`, {
      stage: 'sandbox',
      errno: errnoOf(failure),
      path: found.bwrap,
    });
  }
}

/** Failures that may not recur: a shortage of resources, or the timeout. */
const TEMPORARY =
  /EMFILE|ENFILE|EAGAIN|ENOMEM|too many open files|temporarily unavailable|cannot allocate|^killed by/i;

const invisibleDirectory = (cwd: string) =>
  launchFailed(`cwd is not visible in the sandbox: ${cwd}`, { stage: 'cwd', errno: 'ENOENT', path: cwd });

/** The least restricted sandbox: if it fails, every sandbox does. */
const MINIMAL_CALL: BwrapCall = {
  options: bwrapOptions(
    { root: 'read', mounts: [], links: [], network: false },
    { cwd: '/', isRoot: false, filterFd: undefined },
  ),
  descriptors: [],
  filterFd: undefined,
};

const NEEDS_BIND_FD =
  '--bind-fd is missing: update bubblewrap to 0.10 or to a version with the fix for CVE-2024-42472';

/** The last line of stderr, which has the error; warnings precede it. */
const messageOf = (failure: string): string =>
  /^\S*env: .*(?:option|usage)/im.test(failure)
    ? 'GNU env of coreutils 8.31 or later is required'
    : (failure.split('\n').at(-1) ?? failure).slice(0, 500);

const errnoOf = (failure: string): string => {
  if (/No such file/i.test(failure)) return 'ENOENT';
  if (/EMFILE|too many open files/i.test(failure)) return 'EMFILE';
  if (/EAGAIN|temporarily unavailable/i.test(failure)) return 'EAGAIN';
  if (/not permitted|No permissions/i.test(failure)) return 'EPERM';
  return /Permission denied/i.test(failure) ? 'EACCES' : 'UNKNOWN';
};

/** The arguments of a call of bubblewrap. */
type BwrapCall = {
  readonly options: readonly string[];
  readonly descriptors: readonly number[];
  /** The system call filter, as a descriptor of this process. */
  readonly filterFd: number | undefined;
  /** A descriptor of this process that the program inherits. */
  readonly inherited?: number | undefined;
};

/**
 * Wraps a program three times:
 * - bash opens the filter and closes all other descriptors that this process may have inherited: only a shell can
 *   close descriptors by number. It ignores signals, and bubblewrap inherits that: a signal to the process group would
 *   otherwise end bubblewrap before the program, and with it the program;
 * - bubblewrap creates the sandbox. The program's variables have other names here, so that none of them, such as
 *   LD_PRELOAD, takes effect outside of the sandbox;
 * - env, inside, restores the signals and the environment. No value is on a command line.
 */
const sandboxedStart = (
  { bwrap, env, bash }: Bubblewrap,
  { options, descriptors, filterFd, inherited }: BwrapCall,
  argv: readonly string[],
  exact: Env,
): SandboxedStart => {
  const variables = Object.entries(exact).map(([name, value]) => `${name}=${value}`);
  const references = variables.map((_, index) => `\${_${index}}`);
  const restore = ['-S-i --default-signal --', ...references].join(' ');
  const next = FIRST_DESCRIPTOR + descriptors.length;
  const openFilter = filterFd === undefined ? '' : `exec ${next}<"$0" || exit; `;
  const filter = filterFd === undefined ? 'bash' : `/proc/${process.pid}/fd/${filterFd}`;
  // The inherited one comes after the filter, whose number it has as well until the filter is opened.
  const more = inherited === undefined ? [] : filterFd === undefined ? [inherited] : [inherited, inherited];
  const script = `trap '' ${IGNORED.join(' ')}; ${closeFrom(next + more.length)}; ${openFilter}exec "$@"`;
  return {
    argv: [bash, '--norc', '-c', script, filter, bwrap, ...options, '--', env, restore, ...argv],
    env: Object.fromEntries(variables.map((variable, index) => [`_${index}`, variable])),
    descriptors: [...descriptors, ...more],
  };
};

const closeFrom = (first: number): string =>
  `cd /proc/self/fd || exit; for f in *; do if [ "$f" -ge ${first} ]; then eval "exec $f>&-"; fi; done; cd /`;

/** Signals that are not ignored: those that cannot be, SIGCHLD, which bubblewrap needs, and job control. */
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
