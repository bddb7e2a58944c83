import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecServerError } from '../../../../src/protocol/errors.ts';
import { filePaths } from '../../../../src/server/files/file-path.ts';

/** The rules of this platform. */
export const paths = filePaths(process.platform);

/** A directory for each test of the suite that calls it; gone afterwards with all that is in it. */
export const scratchDirectory = (): { readonly at: (name?: string) => string } => {
  let directory = '';
  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-')));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  return { at: (name = '') => join(directory, name) };
};

/** How a promise is refused: what the peer would be told, without the text for people. */
export const refusal = async (promise: Promise<unknown>): Promise<Record<string, unknown>> => {
  const error = await promise.then(
    value => {
      throw new Error(`expected a refusal, got ${JSON.stringify(value)}`);
    },
    (reason: ExecServerError) => reason,
  );
  return { code: error.code, ...error.data };
};
