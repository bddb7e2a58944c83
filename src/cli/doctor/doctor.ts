import { ConnectionLostError, type ExecClient, RequestError, type Target } from '../../core/index.ts';
import { version } from '../../protocol/version.ts';
import type { EnvBase } from '../../shared-config/index.ts';
import { print, printJson } from '../output.ts';
import { checkConnection } from './check-connection.ts';
import { checkLocale, checkLoginShell, checkPath } from './check-environment.ts';
import { checkProcess, checkTerminal } from './check-process.ts';
import { DeadlineError, within } from './deadline.ts';
import { type CheckName, type Finding, verdictOf } from './finding.ts';
import { findingSpans, headingSpans, summarySpans } from './page.ts';
import { limitsOf, sandboxOf, shellOf, survivorsOf } from './server-facts.ts';

export type DoctorOptions = {
  readonly target: Target;
  /** Whether it is an entry of a file: its arguments may be secrets then, and are not shown. */
  readonly configured: boolean;
  /** How long each step may take; 30 s unless given. */
  readonly deadlineMs?: number | undefined;
  /** Print one line of JSON at the end in place of the page. */
  readonly json: boolean;
};

/**
 * Looks at a server and the way to it, from the launch to the environment of processes, and prints what it
 * finds, with what to do about it. A step that fails keeps no other from being made.
 *
 * @returns 0 if all is well, 1 for warnings, 2 for problems
 */
export const doctor = async ({
  target,
  configured,
  deadlineMs = STEP_MS,
  json,
}: DoctorOptions): Promise<number> => {
  const findings: Finding[] = [];
  const tell = (...found: readonly Finding[]): void => {
    findings.push(...found);
    if (!json) print(...found.flatMap(findingSpans));
  };

  if (!json) print(...headingSpans(target.label));
  await examine({ target, configured }, deadlineMs, tell);
  const verdict = verdictOf(findings);
  if (json) printJson({ target: target.label, version, verdict, findings });
  else print(...summarySpans(findings));
  return EXIT_CODES[verdict];
};

/** Longer than a server waits for a login shell that hangs, twice. */
const STEP_MS = 30_000;

const EXIT_CODES = { ok: 0, warning: 1, problem: 2 } as const;

const examine = async (
  place: Pick<DoctorOptions, 'target' | 'configured'>,
  deadlineMs: number,
  tell: (...found: readonly Finding[]) => void,
): Promise<void> => {
  const { client, findings } = await checkConnection(place, deadlineMs);
  tell(...findings);
  if (client === undefined) {
    tell({ check: 'rest', level: 'skipped', message: 'all that needs a server' });
    return;
  }
  try {
    await examineServer(client, deadlineMs, tell);
  } finally {
    await client.close();
  }
};

const examineServer = async (
  client: ExecClient,
  deadlineMs: number,
  tell: (...found: readonly Finding[]) => void,
): Promise<void> => {
  let taken: EnvBase | undefined;
  const steps: ReadonlyArray<readonly [check: CheckName, step: () => Promise<Finding> | Finding]> = [
    ['process', () => checkProcess(client)],
    ['shell', () => shellOf(client)],
    [
      'loginShell',
      async () => {
        const login = await checkLoginShell(client);
        taken = login.taken;
        return login.finding;
      },
    ],
    ['path', () => checkPath(client, taken)],
    ['locale', () => checkLocale(client)],
    ['terminal', () => checkTerminal(client)],
    ['survivors', () => survivorsOf(client)],
    ['sandbox', () => sandboxOf(client)],
    ['limits', () => limitsOf(client)],
  ];
  for (const [check, step] of steps) {
    try {
      tell(await within(deadlineMs, Promise.resolve(step())));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      tell(failedStep(check, error));
      if (error instanceof ConnectionLostError) {
        tell({ check: 'rest', level: 'skipped', message: 'all that follows: the connection is gone' });
        return;
      }
    }
  }
};

const failedStep = (check: CheckName, error: Error): Finding => {
  const [message = '', ...details] = error.message.split('\n');
  if (error instanceof RequestError && error.kind === 'unknownMethod') {
    return {
      check,
      level: 'warning',
      message: "this server can't tell",
      advice: 'install the version there that is here',
    };
  }
  if (error instanceof DeadlineError) {
    return {
      check,
      level: 'problem',
      message,
      advice: 'the machine may be overloaded or a file system may hang there; --timeout gives it longer',
    };
  }
  if (error instanceof RequestError) {
    const advice = 'docs/errors.md says of each kind of error what can be done';
    return { check, level: 'problem', message, details, advice, data: { kind: error.kind } };
  }
  if (error instanceof ConnectionLostError) {
    const advice = 'look whether the server was killed there or the network was cut, and run this again';
    return { check, level: 'problem', message, details, advice };
  }
  throw error;
};
