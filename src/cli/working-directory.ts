import type { EnvironmentInfo } from '../protocol/environment.ts';

/**
 * Working directory for a start: `~` and `~/…` become a `file:` URI below the home directory of the account on the
 * server. Any other text is unchanged, as is `~` if the home directory is unknown; a directory of that name is `./~`.
 */
export const expandHome = (
  cwd: string | undefined,
  { userHomeDir: home }: Pick<EnvironmentInfo, 'userHomeDir'>,
): string | undefined => {
  if (cwd === undefined || !home || !(cwd === '~' || cwd.startsWith('~/'))) return cwd;
  return [home.replace(/\/$/, ''), ...cwd.split('/').slice(1).map(encodeURIComponent)].join('/');
};
