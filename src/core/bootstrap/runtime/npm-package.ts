import { existsSync } from 'node:fs';
import { join } from 'node:path';
import spawn from 'cross-spawn';
import { type ClientFiles, makeOnce } from './client-cache.ts';

/**
 * Returns the directory of a package from the registry that the user's npm is configured for, and downloads it the first
 * time. npm checks its integrity. It may be for another platform than this one; nothing of it is run.
 *
 * @param version an exact version
 * @throws {Error} the last lines of npm
 */
export const npmPackage = async (
  name: string,
  version: string,
  { cacheDirectory, env }: ClientFiles,
): Promise<string> => {
  const directory = join(cacheDirectory, 'packages', `${name.replace('/', '+')}@${version}`);
  if (!existsSync(directory)) await makeOnce(directory, made => download(`${name}@${version}`, made, env));
  return join(directory, 'node_modules', name);
};

// --force: npm refuses a package for another platform otherwise.
const INSTALL = [
  'install',
  '--force',
  '--ignore-scripts',
  '--no-save',
  '--no-package-lock',
  '--no-audit',
  '--no-fund',
  '--loglevel=error',
];

const download = (spec: string, directory: string, env: NodeJS.ProcessEnv): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn('npm', [...INSTALL, '--prefix', directory, spec], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let errors = '';
    child.stderr?.on('data', chunk => {
      errors = `${errors}${chunk}`.slice(-MAX_ERROR_CHARACTERS);
    });
    child.on('error', error => reject(new Error(`npm could not be started: ${error.message}`)));
    child.on('close', code => {
      if (code === 0) resolve();
      else reject(new Error(`npm could not download ${spec}: ${errors.trim()}`));
    });
  });

const MAX_ERROR_CHARACTERS = 1000;
