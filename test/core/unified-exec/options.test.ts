import { expect } from 'chai';
import { UnifiedExecError } from '../../../src/core/unified-exec/errors.ts';
import { MAX_TEXT_BYTES } from '../../../src/core/unified-exec/limits.ts';
import { checkEnd, checkExecCommand, checkWriteStdin } from '../../../src/core/unified-exec/options.ts';

/** What a check says of options as a model may write them. */
const problem = (check: (options: never) => unknown, options: unknown): string => {
  try {
    check(options as never);
  } catch (error) {
    if (!(error instanceof UnifiedExecError)) throw error;
    expect(error.kind).to.equal('invalidOptions');
    return error.message;
  }
  throw new Error('the options were taken');
};

describe('the options of execCommand', () => {
  it('accept a command line or a program with arguments, and every other field absent or null', () => {
    expect(checkExecCommand({ command: 'true' })).to.deep.equal({ command: 'true' });
    expect(checkExecCommand({ argv: ['true', ''], cwd: null } as never)).to.deep.equal({
      argv: ['true', ''],
      cwd: undefined,
    });
  });

  for (const [options, message] of [
    [undefined, 'options: expected object, but it is missing'],
    [{}, 'options: expected either command or argv'],
    [{ command: 'a', argv: ['a'] }, 'options: expected either command or argv'],
    [{ argv: ['a'], login: true }, 'options: login and shell require command: argv runs without a shell'],
    [{ command: 7 }, 'command: expected string, received number'],
    [{ command: 'a\0b' }, 'command: may not contain NUL'],
    [
      { command: 'ä'.repeat(MAX_TEXT_BYTES / 2 + 1) },
      `command: expected at most ${MAX_TEXT_BYTES} bytes of UTF-8`,
    ],
    [{ argv: [] }, 'argv: expected at least 1 entry, received an array of 0'],
    [{ argv: ['a', 1] }, 'argv[1]: expected string, received number'],
    [{ command: 'a', yieldTimeMs: '10' }, 'yieldTimeMs: expected number, received string'],
    [
      { command: 'a', yieldTimeMs: Number.NaN },
      'yieldTimeMs: expected number, received a number that is not finite',
    ],
    [{ command: 'a', yieldTimeMs: -1 }, 'yieldTimeMs: expected at least 0, received a smaller number'],
    [{ command: 'a', maxOutputTokens: 1.5 }, 'maxOutputTokens: expected int, received number'],
    [{ command: 'a', tty: 'yes' }, 'tty: no accepted shape, received string'],
    [
      { command: 'a', tty: { columns: 0, rows: 1 } },
      'tty.columns: expected at least 1, received a smaller number',
    ],
    [{ command: 'a', env: { A: 1 } }, 'env.A: expected string, received number'],
    [
      { command: 'a', timeoutMs: 2 ** 31 },
      'timeoutMs: expected at most 2147483647, received a larger number',
    ],
    [{ command: 'a', signal: {} }, 'signal: expected AbortSignal, received object'],
    [{ command: 'a', yield_time_ms: 1 }, 'options: unknown field "yield_time_ms"'],
  ] as const) {
    it(`are refused: ${message.slice(0, 80)}`, () => {
      expect(problem(checkExecCommand, options)).to.equal(message);
    });
  }

  it('repeat no value of env in an error', () => {
    expect(problem(checkExecCommand, { command: 'a', env: { A: ['planted'] } })).not.to.contain('planted');
  });
});

describe('the options of writeStdin and end', () => {
  it('require a session', () => {
    expect(problem(checkWriteStdin, { chars: 'a' })).to.equal(
      'sessionId: expected number, but it is missing',
    );
    expect(problem(checkEnd, { sessionId: '1' })).to.equal('sessionId: expected number, received string');
  });

  it('limit the input of one call', () => {
    const chars = 'x'.repeat(MAX_TEXT_BYTES);
    expect(checkWriteStdin({ sessionId: 1, chars }).chars).to.equal(chars);
    expect(problem(checkWriteStdin, { sessionId: 1, chars: `${chars}x` })).to.equal(
      `chars: expected at most ${MAX_TEXT_BYTES} bytes of UTF-8`,
    );
  });
});
