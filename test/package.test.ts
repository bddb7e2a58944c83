import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expect } from 'chai';

const root = join(import.meta.dirname, '..');

/** The paths of the files that `npm pack` puts into the package. */
const packedFiles = (): string[] => {
  const json = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [{ files }] = JSON.parse(json) as [{ files: { path: string }[] }];
  return files.map(({ path }) => path);
};

/** The targets of the relative links in a Markdown file, as paths from the root of the package. */
const linksIn = (page: string): string[] =>
  Array.from(readFileSync(join(root, page), 'utf8').matchAll(/\]\(([^)\s]+)\)/g), ([, link = '']) => link)
    .filter(link => !/^(?:[a-z]+:|#)/.test(link))
    .map(link => posix.join(posix.dirname(page), link.replace(/#.*/, '')));

describe('the package', () => {
  it('has every file that its pages link to', () => {
    const files = packedFiles();
    const pages = files.filter(path => path.endsWith('.md'));
    expect(pages).to.include.members(['README.md', 'docs/README.md', 'docs/processes.md']);
    const isPacked = (target: string) => files.some(path => path === target || path.startsWith(`${target}/`));
    const missing = pages.flatMap(page =>
      linksIn(page)
        .filter(target => !isPacked(target))
        .map(target => `${page} -> ${target}`),
    );
    expect(missing).to.deep.equal([]);
  });
});
