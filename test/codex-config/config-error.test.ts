import { expect } from 'chai';
import { ConfigError } from '../../src/codex-config/config-error.ts';
import { MAX_PROBLEMS } from '../../src/codex-config/limits.ts';

const at = (line: number, column: number) => ({ line, column });

describe('ConfigError', () => {
  it('has a line for each problem, in the order of the file', () => {
    const error = new ConfigError('dir/f.toml', [
      { at: at(10, 1), text: 'third' },
      { at: at(2, 5), text: 'second' },
      { at: at(2, 1), text: 'first' },
      { at: undefined, text: 'of the whole' },
    ]);
    expect(error.message).to.equal(
      [
        'dir/f.toml: of the whole',
        'dir/f.toml:2:1: first',
        'dir/f.toml:2:5: second',
        'dir/f.toml:10:1: third',
      ].join('\n'),
    );
    expect(error.problems.map(({ text }) => text)).to.deep.equal([
      'of the whole',
      'first',
      'second',
      'third',
    ]);
    expect(error).to.include({ name: 'ConfigError', file: 'dir/f.toml' });
  });

  it('keeps problems at one place in the order they were found', () => {
    const problems = ['b', 'a', 'c'].map(text => ({ at: at(1, 1), text }));
    expect(new ConfigError('f', problems).problems).to.deep.equal(problems);
  });

  it('tells the first ones and counts the rest', () => {
    const problems = Array.from({ length: MAX_PROBLEMS + 3 }, (_, index) => ({
      at: at(index + 1, 1),
      text: 'x',
    }));
    const lines = new ConfigError('f', problems).message.split('\n');
    expect(lines).to.have.lengthOf(MAX_PROBLEMS + 1);
    expect(lines.slice(-2)).to.deep.equal([`f:${MAX_PROBLEMS}:1: x`, 'f: and 3 more']);
    expect(new ConfigError('f', problems.slice(0, MAX_PROBLEMS)).message).to.not.contain('more');
  });
});
