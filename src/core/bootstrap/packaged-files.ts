import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version } from '../../protocol/version.ts';
import { bundlePath } from '../../system/bundle.ts';

/** A file of an installation. */
export type PackagedFile = {
  /** Path below the directory of the installation, with `/`. */
  readonly path: string;
  readonly mode: number;
  readonly content: Buffer;
};

/** The server of this package. */
export type PackagedServer = {
  /** Version and digest; name of its directory on a host. */
  readonly name: string;
  readonly files: readonly PackagedFile[];
};

/** Reads the files of this package that a host needs. */
export const packagedServer = async (): Promise<PackagedServer> => {
  const files = await Promise.all([
    packaged('dist/exec-server.cjs', 0o700),
    packaged('dist/exec-server-config.cjs', 0o600),
  ]);
  const manifest = Buffer.from(JSON.stringify({ name: 'exec-server', version, type: 'commonjs' }));
  const all = [...files, { path: 'package.json', mode: 0o600, content: manifest }];
  const digest = createHash('sha256');
  for (const { path, content } of all) digest.update(`${path}\0${content.length}\0`).update(content);
  return { name: `${version}-${digest.digest('hex').slice(0, DIGEST_DIGITS)}`, files: all };
};

/** Reads the script that starts the server on a host. */
export const hostScript = (): Promise<string> => readFile(join(dist(), 'exec-server-host.sh'), 'utf8');

/** Reads the installer that the script runs on a host: one line of JavaScript. */
export const hostInstaller = async (): Promise<string> =>
  (await readFile(join(dist(), 'exec-server-install.cjs'), 'utf8')).trimEnd();

const DIGEST_DIGITS = 16;

const packaged = async (path: string, mode: number): Promise<PackagedFile> => ({
  path,
  mode,
  content: await readFile(join(dist(), '..', path)),
});

/** Directory of the built files of this package: the same from src, from dist/core, and from a bundle. */
const dist = (): string => {
  const bundle = bundlePath();
  return bundle === undefined ? fileURLToPath(new URL('../../../dist', import.meta.url)) : dirname(bundle);
};
