import { expect } from 'chai';
import { InvalidArgumentError } from 'commander';
import { durationText, parseDuration } from '../../src/cli/duration.ts';

describe('parseDuration', () => {
  const durations: ReadonlyArray<[text: string, milliseconds: number]> = [
    ['90', 90_000],
    ['0.001', 1],
    ['.5', 500],
    ['1.5s', 1500],
    ['250ms', 250],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['24d', 2_073_600_000],
    ['1h30m', 5_400_000],
    ['1m0.5s', 60_500],
    ['2147483', 2_147_483_000],
  ];
  for (const [text, milliseconds] of durations) {
    it(`parses ${text}`, () => {
      expect(parseDuration(text)).to.equal(milliseconds);
    });
  }

  const wrong = [
    '',
    ' ',
    '0',
    '-1',
    '+5',
    '1e3',
    '0x10',
    '5 m',
    'm',
    '1x',
    '5M',
    '1.m',
    '1h 30m',
    '25d',
    '1.2.3s',
  ];
  for (const text of [...wrong, 'Infinity', 'NaN']) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(() => parseDuration(text)).to.throw(InvalidArgumentError, 'Expected a duration from 1ms to 24d');
    });
  }
});

describe('durationText', () => {
  it('is in the syntax that parseDuration parses', () => {
    const texts = ['1ms', '1s500ms', '5m', '1h', '1h30m', '1d', '24d'];
    expect(texts.map(parseDuration).map(durationText)).to.deep.equal(texts);
    expect(durationText(0)).to.equal('0s');
  });
});
