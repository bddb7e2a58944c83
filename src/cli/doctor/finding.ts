/** Level of a result. Only warnings and problems affect the exit code. */
export type Level = 'ok' | 'note' | 'warning' | 'problem' | 'skipped';

/** Result of a check. Its text may come from the server; it is escaped when it is printed. */
export type CheckResult = {
  readonly level: Level;
  /** The result, in one line. */
  readonly message: string;
  /** Further lines. */
  readonly details?: readonly string[] | undefined;
  /** Remedy. */
  readonly advice?: string | undefined;
  /** The result for programs. Never the value of a variable other than PATH. */
  readonly data?: Readonly<Record<string, unknown>> | undefined;
};

/** Result with the name of its check, the same in every version. */
export type Finding = CheckResult & { readonly check: CheckName };

/** Checks in their order; `rest` stands for those that could not be made. */
export const checkNames = [
  'connection',
  'installation',
  'startUpOutput',
  'version',
  'process',
  'shell',
  'loginShell',
  'path',
  'locale',
  'terminal',
  'survivors',
  'session',
  'sandbox',
  'limits',
  'rest',
] as const;
export type CheckName = (typeof checkNames)[number];

/** Worst level of the findings. */
export const verdictOf = (findings: readonly Finding[]): 'ok' | 'warning' | 'problem' => {
  const has = (level: Level) => findings.some(finding => finding.level === level);
  if (has('problem')) return 'problem';
  return has('warning') ? 'warning' : 'ok';
};

/** Maximum output that a check reads of a program, in bytes. */
export const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;
