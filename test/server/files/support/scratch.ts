import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecServerError } from '../../../../src/protocol/errors.ts';
import { filePaths } from '../../../../src/server/files/file-path.ts';

/** The path operations of this platform. */
export const paths = filePaths(process.platform);

/** Creates a directory for each test of the calling suite, and removes it afterwards. */
export const scratchDirectory = (): { readonly at: (name?: string) => string } => {
  let directory = '';
  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-')));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  return { at: (name = '') => join(directory, name) };
};

/** Resolves with the code and data of the error that a promise rejects with. */
export const refusal = async (promise: Promise<unknown>): Promise<Record<string, unknown>> => {
  const error = await promise.then(
    value => {
      throw new Error(`expected a refusal, got ${JSON.stringify(value)}`);
    },
    (reason: ExecServerError) => reason,
  );
  return { code: error.code, ...error.data };
};
