import { expect } from 'chai';
import fc from 'fast-check';
import { ExecServerError } from '../../src/protocol/errors.ts';
import { fileUri, nativePath } from '../../src/protocol/native-path.ts';

const refusal = (value: string, platform: NodeJS.Platform) => {
  try {
    return { path: nativePath('cwd', value, platform) };
  } catch (error) {
    const { code, message, data } = error as ExecServerError;
    expect(error).to.be.instanceOf(ExecServerError);
    return { code, message, data };
  }
};

const invalid = (message: string) => ({
  code: -32602,
  message: `cwd: ${message}`,
  data: { kind: 'invalidParams', field: 'cwd' },
});

const notAbsolute = (value: string) =>
  invalid(`expected a file: URI or an absolute path, received ${JSON.stringify(value)}`);

const noPathHere = (value: string) =>
  invalid(`${JSON.stringify(value)} does not name a path of this machine`);

describe('nativePath', () => {
  describe('on posix', () => {
    const read = (value: string) => nativePath('cwd', value, 'linux');

    it('takes an absolute path as it is, byte for byte', () => {
      const paths = ['/', '/srv/a b', '/srv/100%25', '/a/../b', '/ä?#', '//x', '/C:\\x'];
      expect(paths.map(read)).to.deep.equal(paths);
    });

    const uris: Array<[uri: string, path: string]> = [
      ['file:///srv/work', '/srv/work'],
      ['file:///', '/'],
      ['FILE:///srv', '/srv'],
      ['file://localhost/srv', '/srv'],
      ['file:///a%20b/%C3%A4/%F0%9F%98%80', '/a b/ä/😀'],
      ['file:///what%3F/%23x/100%25', '/what?/#x/100%'],
      ['file:///a%5Cb', '/a\\b'],
      ['file:///a/./b/../c', '/a/c'],
      ['file:///C:/x', '/C:/x'],
    ];
    for (const [uri, path] of uris) {
      it(`reads ${uri}`, () => {
        expect(read(uri)).to.equal(path);
      });
    }

    it('refuses what is no absolute path, and names the field', () => {
      const values = ['', 'srv', './srv', '~', 'C:\\x', '\\x', 'http://host/x', ' /srv'];
      expect(values.map(value => refusal(value, 'linux'))).to.deep.equal(values.map(notAbsolute));
    });

    const unencoded = ['?', '#', '\\', '\n', '\t', '\0', '\x0e', '\x7f'];
    for (const character of unencoded) {
      it(`refuses a URI with a bare ${JSON.stringify(character)}, which would name another file`, () => {
        const uri = `file:///a${character}b`;
        const quoted = [uri, character].map(text => JSON.stringify(text));
        expect(refusal(uri, 'linux')).to.deep.equal(
          invalid(`${quoted[0]} has ${quoted[1]}, which must be percent-encoded`),
        );
      });
    }

    it('takes bare spaces for what they are, but for one at the end, which a URL loses', () => {
      expect(read('file:///a b/c')).to.equal('/a b/c');
      expect(refusal('file:///a ', 'linux')).to.deep.equal(
        invalid('"file:///a " has " ", which must be percent-encoded'),
      );
    });

    it('refuses a URI that names no path here: another host, a hidden /, no UTF-8, a NUL', () => {
      const uris = [
        'file://host/srv',
        'file:///a%2Fb',
        'file:///a%2fb',
        'file:///%FF',
        'file:///a%00b',
        'file:///%',
      ];
      expect(uris.map(uri => refusal(uri, 'linux'))).to.deep.equal(uris.map(noPathHere));
    });
  });

  describe('on windows', () => {
    const read = (value: string) => nativePath('cwd', value, 'win32');

    it('takes an absolute path as it is', () => {
      const paths = ['C:\\Users\\me', 'c:/Users', '\\\\server\\share\\x', '\\\\?\\C:\\x'];
      expect(paths.map(read)).to.deep.equal(paths);
    });

    const uris: Array<[uri: string, path: string]> = [
      ['file:///C:/Users/me', 'C:\\Users\\me'],
      ['file:///c:/', 'c:\\'],
      ['file:///C:/a%20b/%C3%A4', 'C:\\a b\\ä'],
      ['file://server/share/a%20b', '\\\\server\\share\\a b'],
      ['file:///C|/x', 'C:\\x'],
      ['file:///C:\\Users\\me', 'C:\\Users\\me'],
    ];
    for (const [uri, path] of uris) {
      it(`reads ${uri}`, () => {
        expect(read(uri)).to.equal(path);
      });
    }

    it('refuses what is no absolute path, and names the field', () => {
      const values = ['', 'x', '..\\x', 'C:', 'C:x'];
      expect(values.map(value => refusal(value, 'win32'))).to.deep.equal(values.map(notAbsolute));
    });

    it('refuses a URI that names no path here: no drive, a hidden separator, no UTF-8, a NUL', () => {
      const uris = [
        'file:///srv',
        'file:///',
        'file:///C:/a%2Fb',
        'file:///C:/a%5Cb',
        'file:///C:/%FF',
        'file:///C:/%00',
      ];
      expect(uris.map(uri => refusal(uri, 'win32'))).to.deep.equal(uris.map(noPathHere));
    });
  });
});

describe('fileUri', () => {
  it('writes posix paths', () => {
    const paths = ['/', '/srv/a b', '/ä', '/100%', '/what?#', '/a\\b', '/C:/x', '/a\x0e', '/a '];
    expect(paths.map(path => fileUri(path, 'linux'))).to.deep.equal([
      'file:///',
      'file:///srv/a%20b',
      'file:///%C3%A4',
      'file:///100%25',
      'file:///what%3F%23',
      'file:///a%5Cb',
      'file:///C:/x',
      'file:///a%0E',
      'file:///a%20',
    ]);
  });

  it('writes drives and shares of windows', () => {
    const paths = ['C:\\Program Files\\x', '\\\\server\\share\\a b'];
    expect(paths.map(path => fileUri(path, 'win32'))).to.deep.equal([
      'file:///C:/Program%20Files/x',
      'file://server/share/a%20b',
    ]);
  });

  // Names as file systems have them; those that mean a directory are none.
  const nameBut = (forbidden: RegExp) =>
    fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 8 })
      .filter(name => !forbidden.test(name) && name !== '.' && name !== '..');

  it('is read back as the same path on posix', () => {
    fc.assert(
      fc.property(fc.array(nameBut(/[/\0]/)), names => {
        const path = `/${names.join('/')}`;
        expect(nativePath('path', fileUri(path, 'linux'), 'linux')).to.equal(path);
      }),
    );
  });

  it('is read back as the same path on windows', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('C:\\', 'z:\\', '\\\\server\\share\\'),
        fc.array(nameBut(/[/\\\0<>:"|?*]|[. ]$/), { minLength: 1 }),
        (root, names) => {
          const path = root + names.join('\\');
          expect(nativePath('path', fileUri(path, 'win32'), 'win32')).to.equal(path);
        },
      ),
    );
  });
});
