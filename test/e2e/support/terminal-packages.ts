import { cpSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Copies the optional packages that terminals need on this platform into a `node_modules` directory. */
export const installTerminalPackages = (modules: string): void => {
  const [scope, name] =
    process.platform === 'linux' ? ['@koromix', `koffi-linux-${process.arch}`] : ['@lydell', 'node-pty'];
  const installed = createRequire(import.meta.url).resolve(`${scope}/${name}/package.json`);
  cpSync(dirname(dirname(installed)), join(modules, scope), { recursive: true });
};
