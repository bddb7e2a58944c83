import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toUSVString } from 'node:util';
import { expect } from 'chai';
import fc from 'fast-check';
import { MAX_COMMAND_LINE_BYTES, quoteArgv } from '../../src/core/quote-argv.ts';
import { describeWithShell, shellNames } from '../server/environment/login/support/shells.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';

describe('quoteArgv', () => {
  it('leaves plain words unquoted, and replaces the shell', () => {
    expect(quoteArgv(['/opt/exec-server', '--stdio'])).to.equal('exec /opt/exec-server --stdio');
  });

  it('quotes other words, with backslash and exclamation mark outside of the quotes', () => {
    expect(quoteArgv(['/a b/x', "it's", 'a\\b', 'hey!', '', '~', '$HOME'])).to.equal(
      "exec '/a b/x' 'it'\\''s' 'a'\\\\'b' 'hey'\\!'' '' '~' '$HOME'",
    );
  });

  it('passes line breaks to a POSIX shell, as octal escapes', () => {
    expect(quoteArgv(['x', '\n'])).to.equal(
      `exec /bin/sh -c 'eval "$(printf %b "$0")"' '\\0145\\0170\\0145\\0143\\0040\\0047\\0170\\0047\\0040\\0047\\0012\\0047'`,
    );
  });

  const refused: Array<[title: string, argv: [string, ...string[]], message: string]> = [
    ['no program', [''], 'argv[0]: expected a program'],
    ['an option', ['-x'], 'argv[0]: expected a program, received an argument that begins with "-"'],
    ['a NUL', ['x', 'a\0b'], 'argv[1]: contains a NUL character'],
    ['half a character', ['x', '\ud800'], 'argv[1]: is not well-formed Unicode'],
    [
      'too much',
      ['x', 'y'.repeat(MAX_COMMAND_LINE_BYTES)],
      'argv: the command line has 102407 bytes, over the limit of 102400',
    ],
    [
      'too much once it is in octal',
      ['x', `\n${'y'.repeat(25_000)}`],
      'argv: the command line has 125105 bytes, over the limit of 102400',
    ],
  ];
  for (const [title, argv, message] of refused) {
    it(`refuses ${title}`, () => {
      expect(() => quoteArgv(argv)).to.throw(RangeError, message);
    });
  }

  it('refuses an empty list', () => {
    expect(() => quoteArgv([] as never)).to.throw(RangeError, 'argv[0]: expected a program');
  });

  it('accepts a command line of the maximum length', () => {
    const longest = 'y'.repeat(MAX_COMMAND_LINE_BYTES - 'exec x '.length);
    expect(quoteArgv(['x', longest])).to.have.lengthOf(MAX_COMMAND_LINE_BYTES);
  });
});

describe('a command line of quoteArgv is split into the same words by', () => {
  let directory: string;
  /** A program that prints its arguments with a NUL after each, at two paths with special characters. */
  let printers: { readonly oneLine: string; readonly twoLines: string };

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'exec-server-quote-'));
    const odd = `it's a "path" $HOME \\ !x * {a,b} ~ #; & | <> ^ % = ü`;
    printers = { oneLine: join(directory, odd), twoLines: join(directory, `${odd}\n`) };
    for (const program of Object.values(printers)) {
      writeFileSync(program, '#!/bin/sh\nfor word do printf "%s\\0" "$word"; done\n');
      chmodSync(program, 0o755);
    }
  });

  after(() => rmSync(directory, { recursive: true }));

  const SPECIAL = [
    ...Array.from({ length: 127 }, (_, at) => String.fromCharCode(at + 1)),
    ...[
      '!!',
      '!x',
      '!-1',
      '\\!',
      "\\'",
      "'\\",
      '\\\\',
      '$HOME',
      '`x`',
      '$(x)',
      '~',
      '~root',
      '=ls',
      '%1',
      '*',
      '^a^b',
    ],
    ...[
      '{a,b}',
      '--',
      '-x',
      '\\n',
      '\\0',
      '\r\n',
      '\n\n',
      '#x',
      'ü',
      '☃',
      '🍺',
      '\u00a0',
      'a=b',
      '@',
      '%s',
      '\\c',
    ],
  ];
  const words = fc.array(
    fc.oneof(
      fc.array(fc.constantFrom(...SPECIAL), { maxLength: 8 }).map(parts => parts.join('')),
      fc.string({ unit: 'binary' }).map(text => toUSVString(text.replaceAll('\0', ''))),
    ),
    { maxLength: 12 },
  );

  for (const shell of shellNames) {
    describeWithShell(shell, shell, ({ path }) => {
      const readBy = (argv: [string, ...string[]], locale: string): string[] => {
        const env = { PATH, HOME: directory, LC_ALL: locale };
        const read = execFileSync(path, ['-c', quoteArgv(argv)], { env, encoding: 'utf8' });
        return read.split('\0').slice(0, -1);
      };

      for (const locale of ['C', 'C.UTF-8']) {
        it(`for every special character, in the locale ${locale}`, () => {
          expect(readBy([printers.twoLines, ...SPECIAL], locale)).to.deep.equal(SPECIAL);
          const oneLine = SPECIAL.filter(word => !/[\r\n]/.test(word));
          expect(readBy([printers.oneLine, ...oneLine], locale)).to.deep.equal(oneLine);
        });
      }

      it('for any words', () => {
        fc.assert(
          fc.property(words, fc.constantFrom('C', 'C.UTF-8'), (argv, locale) => {
            const plain = argv.map(word => word.replace(/[\r\n]/g, ''));
            expect(readBy([printers.twoLines, ...argv], locale)).to.deep.equal(argv);
            expect(readBy([printers.oneLine, ...plain], locale)).to.deep.equal(plain);
          }),
          { numRuns: 40 },
        );
      });

      it('for words of the maximum length', () => {
        const long = "it's ".repeat(12_000);
        expect(readBy([printers.oneLine, long], 'C')).to.deep.equal([long]);
      });
    });
  }
});
