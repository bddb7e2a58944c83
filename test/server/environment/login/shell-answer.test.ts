import { expect } from 'chai';
import fc from 'fast-check';
import {
  MAX_LOGIN_ENV_BYTES,
  MAX_LOGIN_NOISE_BYTES,
  MAX_OMITTED_NAME_BYTES,
} from '../../../../src/server/environment/login/limits.ts';
import {
  newQuestion,
  type ShellAnswer,
  ShellAnswerReader,
} from '../../../../src/server/environment/login/shell-answer.ts';
import type { Env } from '../../../../src/shared-config/index.ts';

const question = newQuestion();
const [begin, middle, end] = question.marks;

const MIXED = { reason: 'mixed with other output' };

/** What `env -0` prints. */
const printed = (env: Env | readonly (readonly [string, string])[]): Buffer =>
  Buffer.from((Array.isArray(env) ? env : Object.entries(env)).map(([n, v]) => `${n}=${v}\0`).join(''));

const whole = (env: Parameters<typeof printed>[0]): Buffer =>
  Buffer.concat([begin, printed(env), middle, printed(env), end]);

/** The answer in what comes in such pieces, and how many of them were left over. */
const read = (pieces: readonly Buffer[]): { answer: ShellAnswer | undefined; left: number } => {
  const reader = new ShellAnswerReader(question);
  for (const [at, piece] of pieces.entries()) {
    const answer = reader.push(piece);
    if (answer !== undefined) return { answer, left: pieces.length - at - 1 };
  }
  return { answer: undefined, left: 0 };
};

const answerTo = (...pieces: readonly (Buffer | string)[]) =>
  read(pieces.map(piece => Buffer.from(piece as string))).answer;

/** Cuts bytes at some places. */
const cut = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const at = [0, ...places.map(place => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return at.slice(1).map((to, index) => bytes.subarray(at[index], to));
};

const text = (unit: fc.Arbitrary<string>, options: { minLength?: number; maxLength?: number } = {}) =>
  fc.string({ unit, ...options });
const anyCharacter = fc
  .oneof(
    fc.constantFrom('\n', '=', ' ', '\r', '\u001b', '%', '(', '.', 'ä', '😀'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  )
  .filter(
    character =>
      !character.includes('\0') && Buffer.from(character).toString() === character && character !== '\ufffd',
  );
const anyName = fc.oneof(
  fc.constantFrom(
    'PATH',
    'a.b',
    'BASH_FUNC_x%%',
    'ProgramFiles(x86)',
    'with space',
    '__proto__',
    'constructor',
    'ä',
  ),
  text(anyCharacter, { minLength: 1, maxLength: 6 }).filter(
    name => ![...name].some(character => character < ' ' || character === '=' || character === '\u007f'),
  ),
);
const anyEnv = fc
  .array(fc.tuple(anyName, text(anyCharacter, { maxLength: 30 })), { minLength: 1, maxLength: 12 })
  .map(entries => Object.fromEntries(entries) as Env);
const noise = fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes));
const places = fc.array(fc.nat(100_000), { maxLength: 8 });

describe('newQuestion', () => {
  it('is one line that prints the environment twice, between three marks', () => {
    const mark = begin.toString().split('=')[0];
    expect(question.command).to.equal(
      [
        `/usr/bin/env -i ${mark}=1 /usr/bin/env -0`,
        '/usr/bin/env -0',
        `/usr/bin/env -i ${mark}=2 /usr/bin/env -0`,
        '/usr/bin/env -0',
        `/usr/bin/env -i ${mark}=3 /usr/bin/env -0`,
      ].join('; '),
    );
    expect(question.marks.map(String)).to.deep.equal([`${mark}=1\0`, `${mark}=2\0`, `${mark}=3\0`]);
    expect(mark).to.match(/^EXEC_SERVER_MARK_[0-9a-f]{32}$/);
  });

  it('has different marks each time', () => {
    expect(new Set(Array.from({ length: 100 }, () => newQuestion().command)).size).to.equal(100);
  });
});

describe('ShellAnswerReader', () => {
  it('finds any environment in other output, however it is split', () => {
    fc.assert(
      fc.property(anyEnv, noise, noise, places, (env, before, after, cuts) => {
        const { answer } = read(cut(Buffer.concat([before, whole(env), after]), cuts));
        expect(answer).to.deep.equal({ env, omitted: [] });
      }),
    );
  });

  it('never accepts output within a copy as part of it', () => {
    const something = noise.filter(bytes => bytes.length > 0);
    fc.assert(
      fc.property(anyEnv, something, fc.nat(100_000), places, (env, bytes, place, cuts) => {
        const clean = whole(env);
        const at = 1 + (place % (clean.length - 1));
        const { answer } = read(cut(Buffer.concat([clean.subarray(0, at), bytes, clean.subarray(at)]), cuts));
        // A mark that is broken is none. What repeats the bytes after it changes nothing.
        if (answer === undefined || !('env' in answer)) return;
        const omitted = answer.omitted.map(({ name }) => [name, env[name]]);
        expect({ ...answer.env, ...Object.fromEntries(omitted) }).to.deep.equal(env);
      }),
      { numRuns: 500 },
    );
  });

  it('never accepts output before each command as part of it', () => {
    const hook = fc.oneof(
      noise,
      fc.constantFrom('x', 'HOOK=1', '\u001b]0;title\u0007', 'A=1\n').map(Buffer.from),
    );
    fc.assert(
      fc.property(
        anyEnv,
        // One that prints a variable as env does is asking for it.
        hook.filter(bytes => bytes.length > 0 && bytes.at(-1) !== 0),
        (env, bytes) => {
          const parts = [begin, printed(env), middle, printed(env), end];
          const { answer } = read([Buffer.concat(parts.flatMap(part => [bytes, part]))]);
          expect(answer !== undefined && 'env' in answer ? answer.env : env).to.deep.equal(env);
        },
      ),
    );
    expect(
      answerTo(begin, '.', printed({ A: '1' }), '.', middle, '.', printed({ A: '1' }), '.', end),
    ).to.deep.equal(MIXED);
  });

  it('answers at the first end mark', () => {
    const bytes = whole({ A: '1' });
    expect(read([bytes.subarray(0, -1), bytes.subarray(-1), Buffer.from('more')])).to.deep.equal({
      answer: { env: { A: '1' }, omitted: [] },
      left: 1,
    });
  });

  it('does not accept part of a mark or an echoed command as a mark', () => {
    const echoed = `+ ${question.command}\n`;
    expect(
      answerTo(echoed, begin.subarray(0, 20), middle, end.subarray(0, -1), whole({ A: '1' })),
    ).to.deep.equal({
      env: { A: '1' },
      omitted: [],
    });
    expect(answerTo(echoed, echoed)).to.equal(undefined);
  });

  it('restarts at a repeated first mark', () => {
    const broken = Buffer.concat([begin, printed({ OLD: '1' })]);
    expect(answerTo(broken, whole({ A: '1' }))).to.deep.equal({ env: { A: '1' }, omitted: [] });
  });

  it('ignores variables that are not UTF-8, and lists them', () => {
    const bytes = Buffer.concat([Buffer.from('RAW=a'), Buffer.from([0xff, 0]), printed({ GOOD: 'ä' })]);
    expect(answerTo(begin, bytes, middle, bytes, end)).to.deep.equal({
      env: { GOOD: 'ä' },
      omitted: [{ name: 'RAW', reason: 'is not valid UTF-8' }],
    });
  });

  it('omits a variable whose value differs, whatever the order', () => {
    const [first, second] = [
      printed({ A: '1', T: 'secret', B: '2' }),
      printed({ B: '2', A: '1', T: 'other' }),
    ];
    expect(answerTo(begin, first, middle, second, end)).to.deep.equal({
      env: { A: '1', B: '2' },
      omitted: [{ name: 'T', reason: 'changes while it is read' }],
    });
  });

  it('keeps the first of two variables with one name, as programs do', () => {
    expect(
      answerTo(
        whole([
          ['A', '1'],
          ['A', '2'],
        ]),
      ),
    ).to.deep.equal({ env: { A: '1' }, omitted: [] });
  });

  const refused: Record<string, [bytes: readonly (Buffer | string)[], reason: string]> = {
    'no environment': [[begin, middle, end], MIXED.reason],
    'only one': [[begin, printed({ A: '1' }), middle, end], MIXED.reason],
    'no mark between the two': [[begin, printed({ A: '1' }), end], MIXED.reason],
    'a line without a name': [[begin, 'hello\0', middle, 'hello\0', end], MIXED.reason],
    'an empty name': [[begin, '=1\0', middle, '=1\0', end], MIXED.reason],
    'a name over two lines': [[begin, 'hello\nA=1\0', middle, 'hello\nA=1\0', end], MIXED.reason],
    'something after the last NUL': [[begin, 'A=1\0B=2', middle, 'A=1\0B=2', end], MIXED.reason],
    'other names the second time': [
      [begin, printed({ A: '1' }), middle, printed({ B: '1' }), end],
      MIXED.reason,
    ],
    'another value the second time': [
      [begin, printed({ PATH: 'secret', A: '1' }), middle, printed({ PATH: 'secret!', A: '1' }), end],
      'PATH changes while it is read',
    ],
    'too many other values the second time': [
      [
        ...[begin, printed({ ['x'.repeat(MAX_OMITTED_NAME_BYTES + 1)]: 'a' })],
        ...[middle, printed({ ['x'.repeat(MAX_OMITTED_NAME_BYTES + 1)]: 'b' }), end],
      ],
      'too many variables change while they are read, or are not valid UTF-8',
    ],
  };
  for (const [what, [bytes, reason]] of Object.entries(refused)) {
    it(`refuses ${what}, without a value in the reason`, () => {
      expect(answerTo(...bytes)).to.deep.equal({ reason });
    });
  }

  describe('its limits', () => {
    const chunk = Buffer.alloc(64 * 1024, 'x');

    it('apply to output before the environment', () => {
      const full = Array.from({ length: MAX_LOGIN_NOISE_BYTES / chunk.length }, () => chunk);
      expect(read([...full, whole({ A: '1' })]).answer).to.deep.equal({ env: { A: '1' }, omitted: [] });
      expect(answerTo(...full, 'x')).to.deep.equal({
        reason: `not found in the first ${MAX_LOGIN_NOISE_BYTES} bytes of output`,
      });
    });

    it('apply to the environment', () => {
      const big = (bytes: number) => ({ A: 'x'.repeat(bytes - 'A=\0'.length) });
      const tooBig = { reason: `longer than ${MAX_LOGIN_ENV_BYTES} bytes` };
      expect(answerTo(whole(big(MAX_LOGIN_ENV_BYTES)))).to.deep.equal({
        env: big(MAX_LOGIN_ENV_BYTES),
        omitted: [],
      });
      expect(answerTo(whole(big(MAX_LOGIN_ENV_BYTES + 1)))).to.deep.equal(tooBig);
      const endless = Array.from({ length: 3 * (MAX_LOGIN_ENV_BYTES / chunk.length) }, () => chunk);
      const { answer, left } = read([begin, ...endless]);
      expect([answer, left > 0]).to.deep.equal([tooBig, true]);
    });
  });
});
