import { basename } from 'node:path';
import type { EnvironmentWaiting, Launch, ProcessEnv } from '../core/index.ts';
import { printableLine } from '../core/printable.ts';
import { printMessage } from './output.ts';

/** Reports on stderr that a process has another base than requested, or that the base lacks variables, each in one line. */
export const reportBase = (env: ProcessEnv, { envBase }: Launch): void => {
  const requested = 'exact' in env ? undefined : env.policy?.base;
  if (!envBase || !requested) return;
  const { base, attempts } = envBase;
  if (base !== requested) {
    const reasons = new Set(
      attempts.flatMap(({ outcome, reason }) => (outcome === 'failed' ? [reason] : [])),
    );
    printMessage(printableLine(`--base ${requested} failed, using ${base}: ${[...reasons].join('; ')}`));
  }
  const omitted = attempts.at(-1)?.omitted ?? [];
  if (omitted.length > 0) {
    const variables = omitted.map(({ name, reason }) => `${name} ${reason}`);
    printMessage(printableLine(`ignoring variables of the login shell: ${listed(variables)}`));
  }
};

const MAX_LISTED = 10;

const listed = (items: readonly string[]): string => {
  const more = items.length - MAX_LISTED;
  return items.slice(0, MAX_LISTED).join(', ') + (more > 0 ? `, and ${more} more` : '');
};

/** Reports on stderr that a start waits for the login shell. */
export const reportWaiting = ({ base, shell, running, limitMs }: EnvironmentWaiting): void => {
  const runs = running.length === 0 ? '' : `, which runs ${running.join(', ')}`;
  printMessage(
    printableLine(
      `waiting up to ${limitMs / 1000} s for the login shell ${basename(shell)} (--base ${base})${runs}`,
    ),
  );
};
