import { expect } from 'chai';
import fc from 'fast-check';
import { type KeyPath, selectToml } from '../../src/codex-config/select-toml.ts';
import { parseToml } from '../../src/codex-config/toml-document.ts';

const TEXT = `
model = "plain" # a comment
1.5 = 0x10
quoted."a b" = '''
two
lines'''
[servers.one]
command = "run"
args = ["a", # the first
  "b"]
env = { KEY = "planted", "O K" = 1979-05-27T07:32:00Z }
[servers.one.more]
deep = true
[[list]]
n = 1
[[list]]
n = 2
[list.sub]
m = 3.0
`;

const select = (...paths: KeyPath[]) => selectToml(TEXT, 'config.toml', paths);
const tableOf = (text: string) => JSON.parse(JSON.stringify(parseToml(text, 'x').table));

describe('selectToml', () => {
  const cases: Array<[path: KeyPath, expected: string]> = [
    [['model'], 'model = "plain"\n'],
    [['1', '5'], '1.5 = 0x10\n'],
    [['quoted', 'a b'], `quoted."a b" = '''\ntwo\nlines'''\n`],
    [['servers', 'one', 'args'], 'servers.one.args = ["a", # the first\n  "b"]\n'],
    [['servers', 'one', 'env', 'O K'], 'servers.one.env."O K" = 1979-05-27T07:32:00Z\n'],
    [['servers', 'one', 'more'], 'servers.one.more = { deep = true }\n'],
    [['list'], 'list = [{ n = 1 }, { n = 2, sub = { m = 3.0 } }]\n'],
  ];
  for (const [path, expected] of cases) {
    it(`gives ${path.join('.')} as it was written`, () => {
      expect(select(path)).to.equal(expected);
    });
  }

  it('gives a whole table with all that belongs to it', () => {
    expect(tableOf(select(['servers']))).to.deep.equal({ servers: tableOf(TEXT).servers });
  });

  it('gives nothing that was not asked for, and nothing for what is not there', () => {
    expect(select(['servers', 'one', 'command'], ['nope'], ['model', 'below'], ['list', 'n'])).to.equal(
      'servers.one.command = "run"\n',
    );
    expect(select(['__proto__'], ['constructor'])).to.equal('');
  });

  it('says once what two paths ask for', () => {
    expect(select(['servers', 'one', 'more'], ['model'], ['servers'], ['model'])).to.equal(
      select(['model'], ['servers']),
    );
  });

  it('names the file and the place where a text is no TOML, and no value', () => {
    expect(() => selectToml('a = 1\nb = "planted', 'config.toml', [['a']]))
      .to.throw(/^config\.toml:2:\d+: /)
      .and.not.match(/planted/);
  });

  it('gives TOML that says the same, whatever the keys and values', () => {
    const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean());
    const toml = (value: unknown): string => JSON.stringify(value).replaceAll('\x7f', '\\u007f');
    const table = fc.dictionary(fc.string(), fc.oneof(scalar, fc.array(scalar)), { maxKeys: 5 });
    fc.assert(
      fc.property(fc.dictionary(fc.string(), table, { maxKeys: 5 }), tables => {
        const keys = Object.keys(tables);
        const text = keys
          .map(
            key =>
              `[${toml(key)}]\n${Object.entries(tables[key] ?? {})
                .map(([name, value]) => `${toml(name)} = ${toml(value)}\n`)
                .join('')}`,
          )
          .join('');
        const selected = selectToml(
          text,
          'x',
          keys.map(key => [key]),
        );
        expect(tableOf(selected)).to.deep.equal(tableOf(text));
      }),
    );
  });
});
