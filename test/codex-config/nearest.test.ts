import { expect } from 'chai';
import { nearest, suggestion } from '../../src/codex-config/nearest.ts';

const keys = ['id', 'url', 'args', 'env', 'cwd', 'program', 'include_local', 'initialize_timeout_sec'];

describe('nearest', () => {
  const meant: Array<[name: string, key: string | undefined]> = [
    ['programm', 'program'],
    ['progam', 'program'],
    ['porgram', 'program'],
    ['progrem', 'program'],
    ['porgarm', 'program'],
    ['PROGRAM', 'program'],
    ['pro_gram', 'program'],
    ['includeLocal', 'include_local'],
    ['initialise_timeout_secs', 'initialize_timeout_sec'],
    ['arg', 'args'],
    ['ragz', undefined],
    ['ids', undefined],
    ['prgrmm', 'program'],
    ['programming', undefined],
    ['timeout', undefined],
    ['', undefined],
  ];
  for (const [name, key] of meant) {
    it(`takes ${JSON.stringify(name)} for ${key ?? 'none of them'}`, () => {
      expect(nearest(name, keys)).to.equal(key);
    });
  }

  it('takes the nearest of several, and of equally near ones the first', () => {
    expect(nearest('devbox2', ['devbox', 'devbox1', 'devbox22', 'devbox21'])).to.equal('devbox');
    expect(nearest('devbox12', ['devbox', 'devbox1'])).to.equal('devbox1');
  });

  it('has none among no candidates', () => {
    expect(nearest('program', [])).to.equal(undefined);
  });

  it('ignores a name that is much longer than every candidate', () => {
    expect(nearest('program'.repeat(100_000), keys)).to.equal(undefined);
  });
});

describe('suggestion', () => {
  it('asks whether the nearest was meant, or says nothing', () => {
    expect([suggestion('arsg', keys), suggestion('colour', keys)]).to.deep.equal([
      ', did you mean `args`?',
      '',
    ]);
  });
});
