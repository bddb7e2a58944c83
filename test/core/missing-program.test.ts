import { expect } from 'chai';
import { missingProgram } from '../../src/core/missing-program.ts';

const missing = (exitCode: number | null, ...stderr: string[]) => missingProgram({ exitCode, stderr });

describe('missingProgram', () => {
  // The messages are those of the programs.
  for (const message of [
    'dash: 1: nosuch: not found',
    'dash: 1: exec: nosuch: not found',
    'bash: line 1: nosuch: command not found',
    'bash: line 1: exec: nosuch: not found',
    'zsh:1: command not found: nosuch',
    'fish: Unknown command: nosuch',
    "fish: Unknown command 'nosuch'",
    'sh: nosuch: not found',
    'sh: exec: line 0: nosuch: not found',
    'env: ‘nosuch’: No such file or directory',
    'env: nosuch: No such file or directory',
    'timeout: failed to run command ‘nosuch’: No such file or directory',
  ]) {
    it(`returns the program of ${message}`, () => {
      expect(missing(127, message)).to.equal('nosuch');
    });
  }

  for (const [exitCode, message] of [
    [1, 'nosuch: Command not found.'],
    [1, 'sudo: nosuch: command not found'],
    [
      126,
      'OCI runtime exec failed: exec failed: exec: "nosuch": executable file not found in $PATH: unknown',
    ],
    [1, 'error: exec: "nosuch": executable file not found in $PATH: unknown'],
  ] as const) {
    it(`returns the program of ${message} with exit code ${exitCode}`, () => {
      expect(missing(exitCode, message)).to.equal('nosuch');
    });
  }

  for (const message of [
    'dash: 1: /no/such: not found',
    'bash: line 1: /no/such: No such file or directory',
    'zsh:1: no such file or directory: /no/such',
    'exec: "/no/such": stat /no/such: no such file or directory: unknown',
  ]) {
    it(`returns the path of ${message}`, () => {
      expect(missing(127, message)).to.equal('/no/such');
    });
  }

  it('returns that of the last message', () => {
    expect(
      missing(127, '.bashrc: line 1: nvm: command not found', 'bash: line 1: nosuch: command not found'),
    ).to.equal('nosuch');
  });

  it('returns undefined for other messages', () => {
    expect(missing(127)).to.equal(undefined);
    expect(missing(255, 'Warning: Identity file /k not accessible: No such file or directory.')).to.equal(
      undefined,
    );
    expect(missing(2, '.bashrc: line 5: /home/me/.cargo/env: No such file or directory')).to.equal(undefined);
    expect(missing(127, 'bash: line 1: x: Permission denied')).to.equal(undefined);
  });
});
