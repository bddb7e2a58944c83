import { expect } from 'chai';
import type { ExecServerError } from '../../../src/protocol/errors.ts';
import { parseSignal } from '../../../src/server/process/signals.ts';

describe('parseSignal', () => {
  it('accepts interrupt and signal names, with or without SIG, in upper or lower case', () => {
    const names = ['interrupt', 'INTERRUPT', 'SIGTERM', 'TERM', 'term', 'sigint', 'Kill'];
    expect(names.map(parseSignal)).to.deep.equal([
      'SIGINT',
      'SIGINT',
      'SIGTERM',
      'SIGTERM',
      'SIGTERM',
      'SIGINT',
      'SIGKILL',
    ]);
  });

  for (const name of ['', 'SIG', 'SIGSIGTERM', 'FROB', '15', '0', 'TERM ', 'constructor', 'interrupts']) {
    it(`refuses ${JSON.stringify(name)}`, () => {
      let thrown: ExecServerError | undefined;
      try {
        parseSignal(name);
      } catch (error) {
        thrown = error as ExecServerError;
      }
      expect({ code: thrown?.code, message: thrown?.message, data: thrown?.data }).to.deep.equal({
        code: -32602,
        message: `signal: expected "interrupt" or a POSIX signal name, received ${JSON.stringify(name)}`,
        data: { kind: 'invalidParams', field: 'signal' },
      });
    });
  }
});
