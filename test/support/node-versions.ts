import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { skipUnavailable } from './skip-unavailable.ts';

/**
 * Returns the path of a Node of this version (`16`, `20.19`), from the npm package with its binary. It is downloaded once,
 * into `node_modules/.cache`.
 *
 * @throws if the registry cannot be reached or has no Node for this platform
 */
export const nodeBinary = (version: string): string => {
  const directory = join(CACHE, `${PACKAGE}-${version}`);
  if (!existsSync(directory)) download(version, directory);
  return join(directory, process.platform === 'win32' ? 'bin/node.exe' : 'bin/node');
};

/** The same for a test or a hook, which is skipped with a line on stderr if there is no such Node; it fails on CI. */
export const requireNode = (test: Mocha.Context, version: string): string => {
  try {
    return nodeBinary(version);
  } catch (error) {
    return skipUnavailable(test, `there is no Node ${version}: ${(error as Error).message}`);
  }
};

const CACHE = join(import.meta.dirname, '../../node_modules/.cache/node-versions');

const PLATFORM = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const PACKAGE = PLATFORM === 'darwin-arm64' ? `node-bin-${PLATFORM}` : `node-${PLATFORM}`;

const DOWNLOAD_MS = 150_000;

const download = (version: string, directory: string): void => {
  mkdirSync(CACHE, { recursive: true });
  const temporary = mkdtempSync(join(CACHE, 'download-'));
  const run = (file: string, args: readonly string[]) =>
    execFileSync(file, args, {
      cwd: temporary,
      encoding: 'utf8',
      stdio: 'pipe',
      timeout: DOWNLOAD_MS,
      // npm is a batch file there.
      shell: process.platform === 'win32',
    });
  try {
    const packed = run('npm', ['pack', `${PACKAGE}@${version}`, '--json', '--fetch-retries=1']);
    const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
    run('tar', ['-xzf', filename, 'package/bin']);
    renameSync(join(temporary, 'package'), directory);
  } catch (error) {
    // Another test process may have been faster.
    if (!existsSync(directory)) throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
};
