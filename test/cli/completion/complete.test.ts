import { expect } from 'chai';
import { complete } from '../../../src/cli/completion/complete.ts';
import { createProgram } from '../../../src/cli/program.ts';

const completionOf = (...words: string[]) =>
  complete(
    createProgram(() => {}),
    words,
  );

const wordsOf = (...words: string[]): string[] => completionOf(...words).values.map(({ word }) => word);

describe('complete', () => {
  it('lists the commands that the help lists', () => {
    expect(wordsOf('')).to.include.members(['run', 'env', 'doctor', 'help']).and.not.include('__complete');
  });

  it('lists the options of the command, short ones after a single -', () => {
    expect(wordsOf('-')).to.include.members(['-V', '--stdio']);
    expect(wordsOf('run', '-')).to.include.members(['-t', '--tty', '--ssh']).and.not.include('--stdio');
    expect(wordsOf('doctor', '--')).to.include('--json').and.not.include('-h');
  });

  it('omits options that were given, unless they can be repeated', () => {
    const options = wordsOf('run', '-qt', '--ssh=a', '--env', 'A', '--');
    expect(options).to.include('--env').and.not.include.members(['--quiet']);
    expect(options).not.to.include.members(['--tty']);
    expect(options).not.to.include.members(['--ssh']);
  });

  for (const words of [
    ['--base', ''],
    ['-q', '--base', 'log'],
  ]) {
    it(`lists the choices of an option after ${words.join(' ')}`, () => {
      expect(wordsOf('run', ...words)).to.deep.equal(['process', 'login', 'loginInteractive']);
    });
  }

  it('lists values with the option before =', () => {
    expect(wordsOf('run', '--base=log')).to.deep.equal([
      '--base=process',
      '--base=login',
      '--base=loginInteractive',
    ]);
    expect(wordsOf('run', '--tty=')).to.deep.equal([]);
  });

  it('takes the value of an option for no operand', () => {
    for (const words of [['-e', 'run'], ['-te', 'A'], ['-eA=1'], ['--env=A'], ['--env', '--']]) {
      expect(completionOf('run', ...words, '--base', '').values).to.have.lengthOf(3);
    }
  });

  it('completes directories of this machine only', () => {
    expect(completionOf('run', '-w', '')).to.deep.equal({ values: [], paths: 'directories' });
    expect(completionOf('run', '--ssh', 'a', '-w', '')).to.deep.equal({ values: [], paths: undefined });
    expect(completionOf('run', '--env-file=')).to.deep.equal({ values: [], paths: 'files' });
  });

  const commands: ReadonlyArray<[words: string[], at: number]> = [
    [['run', ''], 1],
    [['run', '--', ''], 2],
    [['run', '--ssh', 'a', '-t', 'ls', '-'], 4],
    [['run', '--ssh=a', '--', 'ls', '--base', ''], 3],
  ];
  for (const [words, at] of commands) {
    it(`leaves a command to the shell: ${words.join(' ')}`, () => {
      expect(completionOf(...words)).to.deep.equal({ values: [], commandAt: at });
    });
  }

  it('lists the names of commands for help, once', () => {
    expect(wordsOf('help', '')).to.include.members(['run', 'doctor']);
    expect(wordsOf('help', 'run', '')).to.deep.equal([]);
  });
});
