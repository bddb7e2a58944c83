/** What a check came to. Only warnings and problems count in the end. */
export type Level = 'ok' | 'note' | 'warning' | 'problem' | 'skipped';

/** One thing that was looked at. */
export type Finding = {
  /** What was looked at; the same word in every version. */
  readonly check: CheckName;
  readonly level: Level;
  /** The result, in one line. Like all text here it may come from the server, and is escaped where it is printed. */
  readonly message: string;
  /** More of it, a line each. */
  readonly details?: readonly string[] | undefined;
  /** What to do about it. */
  readonly advice?: string | undefined;
  /** The same for programs. Never the value of a variable other than PATH. */
  readonly data?: Readonly<Record<string, unknown>> | undefined;
};

/** What is looked at, in this order; `rest` is what could not be. */
export const checkNames = [
  'connection',
  'noise',
  'version',
  'process',
  'shell',
  'loginShell',
  'path',
  'locale',
  'terminal',
  'survivors',
  'sandbox',
  'limits',
  'rest',
] as const;
export type CheckName = (typeof checkNames)[number];

/** The worst of these findings. */
export const verdictOf = (findings: readonly Finding[]): 'ok' | 'warning' | 'problem' => {
  const has = (level: Level) => findings.some(finding => finding.level === level);
  if (has('problem')) return 'problem';
  return has('warning') ? 'warning' : 'ok';
};

/** The most that a check reads of a program's output, in bytes: what it asks for is short. */
export const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;
