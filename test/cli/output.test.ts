import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

const root = join(import.meta.dirname, '../../src/cli');

/** Calls that write to stdout or stderr of the program. */
const WRITES =
  /process\s*\.\s*(?:stdout|stderr)\s*\.\s*(?:write|end|pipe)\b|\bpipe\(\s*process\b|\bconsole\s*\.|\bopenOutput\b|\b(?:writeSync|writeFileSync|createWriteStream|WriteStream)\s*\(|process\._raw/;

const writers = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
  path => path.endsWith('.ts') && WRITES.test(readFileSync(join(root, path), 'utf8')),
);

describe('the output of the command line', () => {
  it('is written by one module, which escapes it', () => {
    expect(writers).to.deep.equal(['output.ts']);
  });
});
