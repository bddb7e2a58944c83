import { limitExceeded } from '../../../protocol/errors.ts';
import { type ProgramSearch, searchPath } from '../../../system/find-program.ts';
import { MAX_PATH_DIRECTORIES } from '../limits.ts';

/**
 * Refuses a PATH with so many directories that the search would block the server.
 *
 * @throws {ExecServerError} `limitExceeded`
 */
export const assertPathWithinLimit = (search: ProgramSearch): void => {
  const count = searchPath(search)?.length ?? 0;
  if (count > MAX_PATH_DIRECTORIES) throw limitExceeded('pathDirectories', count, MAX_PATH_DIRECTORIES);
};
