import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { skipUnavailable } from './skip-unavailable.ts';

/** Skips a test where access control lists cannot be set on files of a directory. */
export const requireAcl = (test: Mocha.Context, directory: string): void => {
  const file = join(directory, 'acl-probe');
  writeFileSync(file, '');
  const { status, error } = spawnSync('setfacl', ['-m', 'u:1:r', file]);
  rmSync(file);
  if (status !== 0) {
    const reason = error ? 'setfacl of the package acl is not installed' : `${directory} has no ACLs`;
    skipUnavailable(test, reason);
  }
};

/** Changes the access control list of a file; `entries` as for setfacl(1). */
export const setAcl = (file: string, ...entries: readonly string[]): void => {
  execFileSync('setfacl', ['-m', entries.join(','), file]);
};

/** The entries of the access control list of a file, as getfacl(1) prints them. */
export const aclOf = (file: string): string[] =>
  execFileSync('getfacl', ['--numeric', '--absolute-names', '--omit-header', '--no-effective', file], {
    encoding: 'utf8',
  })
    .trim()
    .split('\n');
