import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readSandbox } from '../../src/cli/sandbox.ts';
import { parse } from '../../src/protocol/parse.ts';
import { Sandbox } from '../../src/protocol/sandbox.ts';

describe('readSandbox', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'exec-server-'));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const file = (text: string): string => {
    const path = join(directory, 'sandbox.json');
    writeFileSync(path, text);
    return path;
  };

  for (const [name, writable] of [
    ['read-only', 0],
    ['workspace-write', 3],
  ] as const) {
    it(`returns a valid sandbox without network for ${name}, with ${writable} writable places`, () => {
      const { permissions } = parse(Sandbox, readSandbox(name));
      if (permissions.type !== 'managed' || permissions.file_system.type !== 'restricted')
        throw new Error('not restricted');
      expect(permissions.network).to.equal('restricted');
      expect(permissions.file_system.entries.filter(({ access }) => access === 'write')).to.have.lengthOf(
        writable,
      );
    });
  }

  it('reads a JSON file', () => {
    const sandbox = { permissions: { type: 'disabled' }, cwd: '/srv' };
    expect(readSandbox(file(JSON.stringify(sandbox)))).to.deep.equal(sandbox);
    expect(readSandbox(file(`\ufeff${JSON.stringify(sandbox)}`))).to.deep.equal(sandbox);
  });

  it('names the file and the problem of a file that is not a sandbox', () => {
    for (const [text, problem] of [
      ['{', 'is not valid JSON'],
      ['{"permissions":{"type":"none"}}', 'permissions.type: '],
      ['[]', 'sandbox: expected object'],
    ] as const) {
      const path = file(text);
      expect(() => readSandbox(path)).to.throw(`${path}: ${problem}`);
    }
    expect(() => readSandbox(join(directory, 'none'))).to.throw(/none: .*no such file/);
  });
});
