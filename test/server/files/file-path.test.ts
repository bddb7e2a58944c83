import { expect } from 'chai';
import fc from 'fast-check';
import type { ExecServerError } from '../../../src/protocol/errors.ts';
import { type FilePath, filePaths } from '../../../src/server/files/file-path.ts';

const posix = filePaths('linux');
const windows = filePaths('win32');

/** A name that is not UTF-8. */
const RAW = Buffer.from([0x61, 0xff, 0xfe]);

const problem = (parse: () => FilePath): string => {
  try {
    return `no problem: ${parse()}`;
  } catch (error) {
    return (error as ExecServerError).message;
  }
};

describe('filePaths', () => {
  describe('parse', () => {
    const cases: Array<[value: string, path: FilePath]> = [
      ['file:///srv/a%20b', '/srv/a b'],
      ['/srv/a%20b', '/srv/a%20b'],
      ['file:///', '/'],
      ['/', '/'],
      ['file:///srv/', '/srv'],
      ['/srv//', '/srv'],
      ['/srv/./x/../y/.', '/srv/y'],
      ['/../..', '/'],
      ['file:///%C3%A4', '/ä'],
      ['file:///what%3F%23', '/what?#'],
      ['file:///ä', '/ä'],
      ['file:///d%FF/a%ff%FE', Buffer.from([0x2f, 0x64, 0xff, 0x2f, ...RAW])],
      ['file:///%FF/../%FE/', Buffer.from([0x2f, 0xfe])],
      ['file:///%C3%28%C3%A4', Buffer.from([0x2f, 0xc3, 0x28, 0xc3, 0xa4])],
    ];
    for (const [value, path] of cases) {
      it(`parses ${value}`, () => {
        expect(posix.parse('path', value)).to.deep.equal(path);
      });
    }

    it('parses drives and shares of Windows', () => {
      const values = ['file:///C:/a%20b/', 'C:\\', 'C:\\x\\..\\y\\', '\\\\server\\share\\x'];
      expect(values.map(value => windows.parse('path', value))).to.deep.equal([
        'C:\\a b',
        'C:\\',
        'C:\\y',
        '\\\\server\\share\\x',
      ]);
    });

    const refused: Array<[value: string, message: string]> = [
      ['a', 'path: expected a file: URI or an absolute path, received "a"'],
      ['file:///%FF%00', 'path: "file:///%FF%00" does not name a path of this machine'],
      ['file:///%FF%2F', 'path: "file:///%FF%2F" does not name a path of this machine'],
      ['file://host/%FF', 'path: "file://host/%FF" does not name a path of this machine'],
      ['/a\ud800', 'path: expected well-formed Unicode, received an unpaired surrogate'],
      ['file:///\udc00', 'path: expected well-formed Unicode, received an unpaired surrogate'],
    ];
    for (const [value, message] of refused) {
      it(`refuses ${JSON.stringify(value)}`, () => {
        expect(problem(() => posix.parse('path', value))).to.equal(message);
      });
    }
  });

  it('converts every byte of a path to a URI and back', () => {
    const segment = fc.uint8Array({ minLength: 1, maxLength: 12 }).map(bytes =>
      // Without separators, NUL, `.` and `..`.
      Buffer.from(bytes.map(byte => (byte === 0 || byte === 0x2f || byte === 0x2e ? 0x5f : byte))),
    );
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), names => {
        const path = names.reduce<FilePath>((directory, name) => posix.child(directory, name), '/');
        const uri = posix.uri(path);
        expect(uri).to.match(/^file:\/\/\/[!-~]+$/);
        expect(posix.parse('path', uri)).to.deep.equal(path);
      }),
    );
  });

  it('returns child, parent and name', () => {
    const file = posix.child('/srv/ä', RAW);
    expect([
      file,
      posix.name(file),
      posix.parent(file),
      posix.child('/', Buffer.from('a')),
      posix.parent('/a'),
      posix.parent('/'),
      posix.name('/'),
      windows.child('C:\\', Buffer.from('a')),
      windows.name('C:\\'),
    ]).to.deep.equal([
      Buffer.concat([Buffer.from('/srv/ä/'), RAW]),
      RAW,
      // Still a Buffer: the rest is not checked.
      Buffer.from('/srv/ä'),
      '/a',
      '/',
      '/',
      Buffer.alloc(0),
      'C:\\a',
      Buffer.alloc(0),
    ]);
  });

  it('joins the target of a link without resolving `..`', () => {
    const links = [Buffer.from('../b'), Buffer.from('/b'), RAW].map(target => posix.linked('/srv/a', target));
    expect(links).to.deep.equal(['/srv/../b', '/b', Buffer.concat([Buffer.from('/srv/'), RAW])]);
  });
});
