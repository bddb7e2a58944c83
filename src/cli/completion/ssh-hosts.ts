import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { homeDirectory } from '../../system/home-directory.ts';

/** Maximum length of a file that is read, in bytes, and number of files of one configuration. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_FILES = 256;

/** Names of hosts in the ssh configuration of the user and the system, and in `known_hosts`, sorted. */
export const sshHosts = (home = homeDirectory() ?? '/', system = '/etc/ssh'): readonly string[] => {
  const user = join(home, '.ssh');
  const hosts = [
    ...configuredHosts(join(user, 'config'), user, home),
    ...configuredHosts(join(system, 'ssh_config'), system, home),
    ...[join(user, 'known_hosts'), join(system, 'ssh_known_hosts')].flatMap(knownHosts),
  ];
  return [...new Set(hosts.filter(isPlainName))].sort();
};

/** A name without wildcards, negation and characters that a shell interprets. */
const isPlainName = (name: string): boolean => /^[A-Za-z0-9_][\w.:%-]*$/.test(name);

/** Names of the `Host` entries of a file and of those that it includes; relative names are in `directory`. */
const configuredHosts = (file: string, directory: string, home: string): string[] => {
  const files = [file];
  const hosts: string[] = [];
  // Grows while it is read: an included file is appended.
  for (const path of files) {
    for (const [keyword, ...values] of lines(path).map(directive)) {
      if (keyword === 'host') hosts.push(...values);
      if (keyword !== 'include') continue;
      const included = values.flatMap(pattern => matching(absolute(pattern, directory, home)));
      files.push(...included.filter(name => !files.includes(name)).slice(0, MAX_FILES - files.length));
    }
  }
  return hosts;
};

/** Keyword in lower case and values of a line: `Host a "b"`, `Host=a`. */
const directive = (line: string): string[] => {
  const [, keyword = '', rest = ''] = /^(\w+)(?:\s*=\s*|\s+)(.*)$/.exec(line) ?? [];
  const values = rest.match(/"[^"]*"|[^\s"]+/g) ?? [];
  return [keyword.toLowerCase(), ...values.map(value => value.replaceAll('"', ''))];
};

const absolute = (pattern: string, directory: string, home: string): string => {
  if (pattern.startsWith('~/')) return join(home, pattern.slice(2));
  return isAbsolute(pattern) ? pattern : join(directory, pattern);
};

/** Files that match a path whose last part may contain `*` and `?`. */
const matching = (path: string): string[] => {
  const name = basename(path);
  if (!/[*?]/.test(name)) return [path];
  const source = name
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const pattern = new RegExp(`^(?!\\.)${source}$`);
  try {
    return readdirSync(dirname(path))
      .filter(entry => pattern.test(entry))
      .map(entry => join(dirname(path), entry));
  } catch {
    return [];
  }
};

/** Names of `known_hosts`; hashed ones cannot be read. */
const knownHosts = (file: string): string[] =>
  lines(file)
    .filter(line => line !== '' && !/^[#@|]/.test(line))
    .flatMap(line => (line.split(/\s/)[0] ?? '').split(','))
    .filter(name => !name.startsWith('['));

/** Lines of a regular file without indentation; none if it cannot be read or is too long. */
const lines = (file: string): string[] => {
  try {
    const stats = statSync(file);
    if (!stats.isFile() || stats.size > MAX_FILE_BYTES) return [];
    return readFileSync(file, 'utf8')
      .split('\n')
      .map(line => line.trim());
  } catch {
    return [];
  }
};
