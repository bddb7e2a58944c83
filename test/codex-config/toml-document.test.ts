import { expect } from 'chai';
import { MAX_CONFIG_LENGTH } from '../../src/codex-config/limits.ts';
import { isTable, parseToml } from '../../src/codex-config/toml-document.ts';
import { complaint } from './complaint.ts';

/** As JSON: its tables have no prototype. */
const read = (text: string) => JSON.parse(JSON.stringify(parseToml(text, 'f.toml').table));

const placeOf = (text: string, ...path: Array<string | number>) => {
  const at = parseToml(text, 'f.toml').positionOf(path);
  return at && `${at.line}:${at.column}`;
};

describe('parseToml', () => {
  const documents: Array<[title: string, text: string, table: object]> = [
    ['nothing', '', {}],
    [
      'values',
      'a = "x"\nb = 1\nc = 1.5\nd = true\ne = [1, "x"]',
      { a: 'x', b: 1, c: 1.5, d: true, e: [1, 'x'] },
    ],
    ['dotted keys', 'a.b = 1\na."c.d".e = 2', { a: { b: 1, 'c.d': { e: 2 } } }],
    ['tables', '[a]\nb = 1\n[a.c.d]\ne.f = 2\n[g]', { a: { b: 1, c: { d: { e: { f: 2 } } } }, g: {} }],
    ['a table before the one around it', '[a.b]\nc = 1\n[a]\nd = 2', { a: { b: { c: 1 }, d: 2 } }],
    [
      'arrays of tables',
      '[[a]]\nb = 1\n[a.c]\nd = 2\n[[a]]\n[[a.e]]\nf = 3\n[[a.e]]',
      { a: [{ b: 1, c: { d: 2 } }, { e: [{ f: 3 }, {}] }] },
    ],
    [
      'inline tables',
      'a = { b = 1, c.d = 2 }\ne = [{ f = 3 }, { }]',
      { a: { b: 1, c: { d: 2 } }, e: [{ f: 3 }, {}] },
    ],
    ['line breaks in inline tables, as TOML 1.1 allows them', 'a = {\n  b = 1,\n}', { a: { b: 1 } }],
    ['texts of several lines', 'a = \'\'\'\n  x\n\'\'\'\nb = """\ny\\\n  z"""', { a: '  x\n', b: 'yz' }],
    ['a byte order mark, CRLF and comments', '\ufeffa = 1 # one\r\n# two\r\nb = 2\r\n', { a: 1, b: 2 }],
    ['names that objects have', 'constructor = 1\ntoString.x = 2', { constructor: 1, toString: { x: 2 } }],
  ];
  for (const [title, text, table] of documents) {
    it(`reads ${title}`, () => {
      expect(read(text)).to.deep.equal(table);
    });
  }

  it('reads __proto__ as a key like any other', () => {
    const { table } = parseToml(
      'a.__proto__.b = 1\n[c]\n__proto__ = { d = 2 }\n[__proto__]\ne = 3',
      'f.toml',
    );
    expect(Object.getPrototypeOf(table)).to.equal(null);
    expect(Object.keys(table)).to.deep.equal(['a', 'c', '__proto__']);
    expect(
      [table.a, table.c].map(inner => Object.entries(inner as object).map(([key]) => key)),
    ).to.deep.equal([['__proto__'], ['__proto__']]);
    expect(({} as Record<string, unknown>).e).to.equal(undefined);
  });

  const broken: Array<[text: string, line: string]> = [
    ['a = b', 'f.toml:1:5: expected a value; a string needs quotes'],
    ['a = [x]', 'f.toml:1:6: expected a value; a string needs quotes'],
    ['a = [1,\n  x]', 'f.toml:2:3: expected a value; a string needs quotes'],
    ['a =', 'f.toml:1:4: expected a value'],
    ['a = 1 b = 2', 'f.toml:1:7: expected the end of the line'],
    ['a', 'f.toml:1:2: expected equal (=) token'],
    ['a = 1\n\na = 2', 'f.toml:3:1: defining a key multiple times is invalid'],
    ['a = "x', 'f.toml:1:7: unterminated string constant'],
    ['a = "💩" b', 'f.toml:1:10: expected the end of the line'],
    ['\ufeffa', 'f.toml:1:2: expected equal (=) token'],
    ['a = "\\ud800"', 'f.toml:1:11: this character is not allowed here'],
  ];
  for (const [text, line] of broken) {
    it(`says where ${JSON.stringify(text)} is no TOML`, () => {
      expect(complaint(() => parseToml(text, 'f.toml'))).to.deep.equal([line]);
    });
  }

  it('repeats nothing of the text where it is no TOML', () => {
    for (const text of [
      'A = planted',
      'A = "planted',
      'A = "\\uplanted"',
      'A = "planted" planted',
      'A = planted = 1',
    ]) {
      expect(complaint(() => parseToml(text, 'f.toml')).join()).to.not.contain('planted');
    }
  });

  it('refuses a text that is too long', () => {
    expect(read(`# ${'x'.repeat(MAX_CONFIG_LENGTH - 2)}`)).to.deep.equal({});
    expect(complaint(() => parseToml('#'.repeat(MAX_CONFIG_LENGTH + 1), 'f.toml'))).to.deep.equal([
      `f.toml: expected at most ${MAX_CONFIG_LENGTH} characters, received ${MAX_CONFIG_LENGTH + 1}`,
    ]);
  });

  it('refuses what is nested too deeply', () => {
    const text = `a = ${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(complaint(() => parseToml(text, 'f.toml'))).to.deep.equal([
      'f.toml: nested too deeply, or a string is too long',
    ]);
  });

  it('takes time in proportion to a dotted key', () => {
    const depth = 200_000;
    let at: unknown = parseToml(`[a${'.a'.repeat(depth)}]\nb = 1`, 'f.toml').table;
    let levels = 0;
    for (; isTable(at) && 'a' in at; at = at.a) levels += 1;
    expect([levels, (at as { b: unknown }).b]).to.deep.equal([depth + 1, 1]);
  });
});

describe('positionOf', () => {
  const text = [
    'a = [', //                1
    '  1, { b = 2 },', //      2
    ']', //                    3
    'c.d.e = 3', //            4
    '[f.g]', //                5
    '  "h" = 4', //            6
    '[[i]]', //                7
    ' [i.j]', //               8
    'k = { l = 5 }', //        9
    '[[i]]', //               10
  ].join('\r\n');

  const places: Array<[path: Array<string | number>, place: string | undefined]> = [
    [['a'], '1:1'],
    [['a', 0], '2:3'],
    [['a', 1], '2:6'],
    [['a', 1, 'b'], '2:8'],
    [['c'], '4:1'],
    [['c', 'd'], '4:3'],
    [['c', 'd', 'e'], '4:5'],
    [['f'], '5:1'],
    [['f', 'g'], '5:1'],
    [['f', 'g', 'h'], '6:3'],
    [['i'], '7:1'],
    [['i', 0], '7:1'],
    [['i', 0, 'j'], '8:2'],
    [['i', 0, 'j', 'k', 'l'], '9:7'],
    [['i', 1], '10:1'],
    [['i', 1, 'missing'], '10:1'],
    [['i', 0, 'j', 'missing', 'x'], '8:2'],
    [['missing'], undefined],
    [[], undefined],
  ];
  for (const [path, place] of places) {
    it(`finds ${JSON.stringify(path)}`, () => {
      expect(placeOf(text, ...path)).to.equal(place);
    });
  }
});
