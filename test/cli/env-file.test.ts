import { spawn } from 'node:child_process';
import { expect } from 'chai';
import { readEnvFile } from '../../src/cli/env-file.ts';
import { errorOf, useCodexHome } from './support.ts';

describe('readEnvFile', () => {
  const home = useCodexHome();
  const read = (content: string | Buffer) => readEnvFile(home.write('variables', content));

  const failure = (content: string | Buffer): string =>
    errorOf(() => read(content)).replaceAll(home.path('variables'), 'FILE');

  it('reads lines without quoting, like docker', () => {
    expect(
      read(
        '\ufeffA=1\n\n  # comment\n#B=2\n  C= spaces stay \nD="quotes stay"\nE=a=b\nF=\nA=2\r\nG=$HOME\\n`x`\nH=# no comment',
      ),
    ).to.deep.equal([
      ['A', '1'],
      ['C', ' spaces stay '],
      ['D', '"quotes stay"'],
      ['E', 'a=b'],
      ['F', ''],
      ['A', '2'],
      ['G', '$HOME\\n`x`'],
      ['H', '# no comment'],
    ]);
  });

  it("uses the caller's value for a name alone, if it is set", () => {
    process.env.PLANTED_HERE = 'value';
    try {
      expect(read('PLANTED_HERE\nNOT_SET_HERE\nconstructor\n')).to.deep.equal([['PLANTED_HERE', 'value']]);
    } finally {
      delete process.env.PLANTED_HERE;
    }
  });

  it("refuses a caller's value that is not UTF-8", () => {
    process.env.PLANTED_HERE = 'secret\ufffd';
    try {
      expect(failure('A=1\nPLANTED_HERE\n')).to.equal('FILE:2:1: the local value is not valid UTF-8');
    } finally {
      delete process.env.PLANTED_HERE;
    }
  });

  const wrong: Array<[title: string, content: string | Buffer, message: string]> = [
    ['a line without a name', '=secret', 'FILE:1:1: expected NAME=VALUE or NAME, received no name'],
    [
      'white space in a name',
      'A=1\nmy secret=x',
      'FILE:2:1: expected NAME=VALUE or NAME, received a name with white space or NUL',
    ],
    ['NUL in a value', 'A=secret\0', 'FILE:1:1: the value contains NUL, which a variable cannot contain'],
    ['a file that is not UTF-8', Buffer.from([0x41, 0x3d, 0xff]), 'FILE: cannot be read: it is not UTF-8'],
    [
      'a file over 1 MiB',
      'A'.repeat(1024 * 1024 + 1),
      'FILE: cannot be read: it is longer than 1048576 bytes',
    ],
  ];
  for (const [title, content, message] of wrong) {
    it(`refuses ${title}, and names file and line but no value`, () => {
      expect(failure(content)).to.equal(message);
    });
  }

  it('reads a named pipe', () => {
    const fifo = home.path('fifo');
    const writer = spawn('sh', ['-c', 'mkfifo "$0" && echo made && printf "A=1\\nB" >"$0"', fifo], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return new Promise<void>((resolve, reject) => {
      writer.stdout.once('data', () => {
        try {
          expect(readEnvFile(fifo)).to.deep.equal([['A', '1']]);
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
  });
});
