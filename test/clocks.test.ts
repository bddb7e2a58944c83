import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { expect } from 'chai';
import { transformSync } from 'esbuild';

const root = join(import.meta.dirname, '../src');

/** Every use of the date in src. Durations and deadlines are `system/deadline.ts` and `performance.now()`. */
const TIMESTAMPS: Readonly<Record<string, readonly string[]>> = {
  'core/unified-exec/command-session.ts': ['startedAtMs = Date.now()'],
  // Compared with the times of start-up files.
  'server/environment/snapshot/shell-snapshots.ts': ['startedAt = Date.now()'],
  // For people.
  'server/keeping/session-files.ts': ['toISOString()'],
  'server/process/ending.ts': ['atMs: Date.now()'],
  'server/process/managed-process.ts': ['startedAtMs = Date.now()'],
  // A part of an id.
  'server/session/session-id.ts': ['Date.now().toString(36)'],
};

describe('the date', () => {
  it('is read for timestamps, never for durations and deadlines, because it may be set back', () => {
    const uses = readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter(path => path.endsWith('.ts'))
      .flatMap(path => {
        const { code } = transformSync(readFileSync(join(root, path), 'utf8'), {
          loader: 'ts',
          target: 'es2023',
        });
        const found = code.match(/^.*(?:\bDate\s*[.(]|\bnew Date\b).*$/gm) ?? [];
        return found.map(line => [path.replaceAll(sep, '/'), line.trim()] as const);
      });
    const unlisted = uses.filter(([path, line]) => !TIMESTAMPS[path]?.some(known => line.includes(known)));
    expect(unlisted).to.deep.equal([]);
    expect(uses).to.have.lengthOf(Object.values(TIMESTAMPS).flat().length);
  });
});
