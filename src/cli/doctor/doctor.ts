import { ConnectionLostError, type ExecClient, RequestError, type Target } from '../../core/index.ts';
import { version } from '../../protocol/version.ts';
import type { EnvBase } from '../../shared-config/index.ts';
import { print, printJson } from '../output.ts';
import { type CheckedTarget, checkConnection } from './check-connection.ts';
import { checkLocale, checkLoginShell, checkPath } from './check-environment.ts';
import { checkProcess, checkTerminal } from './check-process.ts';
import { checkSession } from './check-session.ts';
import { DeadlineError, within } from './deadline.ts';
import { type CheckName, type CheckResult, type Finding, verdictOf } from './finding.ts';
import { findingSpans, headingSpans, summarySpans } from './report.ts';
import { limitsOf, sandboxOf, shellOf, survivorsOf } from './server-facts.ts';

export type DoctorOptions = CheckedTarget & {
  /** Time limit of each check; 30 s by default. */
  readonly checkTimeoutMs?: number | undefined;
  /** Print one line of JSON instead of the report. */
  readonly json: boolean;
};

/**
 * Checks the connection to a server and the env of its processes, and prints findings with remedies. A check that fails
 * does not stop the others.
 *
 * @returns 0 without warnings and problems, 1 for warnings, 2 for problems
 */
export const doctor = async ({
  target,
  configured,
  checkTimeoutMs = CHECK_TIMEOUT_MS,
  json,
}: DoctorOptions): Promise<number> => {
  const findings: Finding[] = [];
  const report = (...found: readonly Finding[]): void => {
    findings.push(...found);
    if (!json) print(...found.flatMap(findingSpans));
  };

  if (!json) print(...headingSpans(target.label));
  await check({ target, configured }, checkTimeoutMs, report);
  const verdict = verdictOf(findings);
  if (json) printJson({ target: target.label, version, verdict, findings });
  else print(...summarySpans(findings));
  return EXIT_CODES[verdict];
};

/** More than the server waits for two login shells that hang. */
const CHECK_TIMEOUT_MS = 30_000;

const EXIT_CODES = { ok: 0, warning: 1, problem: 2 } as const;

type Report = (...found: readonly Finding[]) => void;

const check = async (checked: CheckedTarget, timeoutMs: number, report: Report): Promise<void> => {
  const { client, findings } = await checkConnection(checked, timeoutMs);
  report(...findings);
  if (client === undefined) {
    report({ check: 'rest', level: 'skipped', message: 'all checks that need a server' });
    return;
  }
  try {
    await checkServer(client, checked.target, timeoutMs, report);
  } finally {
    await client.close();
  }
};

const checkServer = async (
  client: ExecClient,
  target: Target,
  timeoutMs: number,
  report: Report,
): Promise<void> => {
  let base: EnvBase | undefined;
  const checks: ReadonlyArray<readonly [name: CheckName, run: () => Promise<CheckResult> | CheckResult]> = [
    ['process', () => checkProcess(client)],
    ['shell', () => shellOf(client)],
    [
      'loginShell',
      async () => {
        const login = await checkLoginShell(client);
        base = login.base;
        return login.result;
      },
    ],
    ['path', () => checkPath(client, base)],
    ['locale', () => checkLocale(client)],
    ['terminal', () => checkTerminal(client)],
    ['survivors', () => survivorsOf(client)],
    ['session', () => checkSession(client, target, timeoutMs)],
    ['sandbox', () => sandboxOf(client)],
    ['limits', () => limitsOf(client)],
  ];
  for (const [name, run] of checks) {
    try {
      report({ check: name, ...(await within(timeoutMs, Promise.resolve(run()))) });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      report({ check: name, ...failedCheck(error) });
      if (error instanceof ConnectionLostError) {
        report({ check: 'rest', level: 'skipped', message: 'all further checks: the connection was lost' });
        return;
      }
    }
  }
};

const failedCheck = (error: Error): CheckResult => {
  if (error instanceof RequestError && error.kind === 'unknownMethod') {
    const advice = 'install the same version of exec-server on both sides';
    return { level: 'warning', message: 'not supported by this server', advice };
  }
  const advice = adviceFor(error);
  if (advice === undefined) throw error;
  const [message = '', ...details] = error.message.split('\n');
  const data = error instanceof RequestError ? { kind: error.kind } : undefined;
  return { level: 'problem', message, details, advice, data };
};

const adviceFor = (error: Error): string | undefined => {
  if (error instanceof DeadlineError)
    return 'the server may be overloaded, or one of its file systems hangs; use a longer --timeout';
  if (error instanceof RequestError) return 'see docs/errors.md for this kind of error';
  if (error instanceof ConnectionLostError)
    return 'check whether the server was killed or the network failed, then run this command again';
  return undefined;
};
