import { expect } from 'chai';
import fc from 'fast-check';
import * as z from 'zod/mini';
import { ExecServerError } from '../../src/protocol/errors.ts';
import { Bytes } from '../../src/protocol/fields.ts';
import { requests } from '../../src/protocol/messages.ts';
import { parse } from '../../src/protocol/parse.ts';

/** The message of the error for a value. */
const refusal = (schema: z.ZodMiniType, value: unknown, root?: string) => {
  try {
    parse(schema, value, root);
  } catch (error) {
    if (!(error instanceof ExecServerError)) throw error;
    return { code: error.code, message: error.message, data: error.data };
  }
  throw new Error('it was not refused');
};

const told = (field: string, problem: string) => ({
  code: -32602,
  message: `${field}: ${problem}`,
  data: { kind: 'invalidParams', field },
});

const START = { processId: 'p', argv: ['a'], cwd: '/' };

describe('parse', () => {
  it('returns the output of the schema', () => {
    expect(parse(z.object({ chunk: Bytes }), { chunk: 'YQ==', more: 1 })).to.deep.equal({
      chunk: Buffer.from('a'),
    });
  });

  const several = z.object({
    text: z.optional(z.string()),
    flag: z.optional(z.boolean()),
    whole: z.optional(z.int().check(z.minimum(1), z.maximum(9))),
    name: z.optional(z.string().check(z.minLength(1), z.maxLength(3))),
    list: z.optional(z.array(z.string()).check(z.minLength(1), z.maxLength(2))),
    two: z.optional(z.string().check(z.minLength(2))),
    choice: z.optional(z.enum(['a', 'b'])),
    fixed: z.optional(z.literal(1)),
    either: z.optional(z.union([z.string(), z.object({ a: z.string() })])),
    nested: z.optional(z.object({ deep: z.array(z.object({ name: z.string() })) })),
    byName: z.optional(z.record(z.string(), z.string())),
    bytes: z.optional(Bytes),
  });
  const strict = z.strictObject({ known: z.number() });
  it('names the unknown fields of a strict object', () => {
    expect(refusal(strict, { known: 1, 'a"': 1, b: 2 })).to.deep.equal(
      told('params', 'unknown fields "a\\"", "b"'),
    );
  });

  it('describes numbers that JSON does not have as not finite', () => {
    expect(refusal(strict, { known: Number.NaN })).to.deep.equal(
      told('known', 'expected number, received a number that is not finite'),
    );
  });

  const cases: Array<[value: unknown, field: string, problem: string]> = [
    [undefined, 'params', 'expected object, but it is missing'],
    [null, 'params', 'expected object, received null'],
    [[], 'params', 'expected object, received array'],
    ['x', 'params', 'expected object, received string'],
    [{ text: 1 }, 'text', 'expected string, received number'],
    [{ text: null }, 'text', 'expected string, received null'],
    [{ text: [] }, 'text', 'expected string, received array'],
    [{ text: {} }, 'text', 'expected string, received object'],
    [{ flag: 'true' }, 'flag', 'expected boolean, received string'],
    [{ whole: 1.5 }, 'whole', 'expected int, received number'],
    [{ whole: 0 }, 'whole', 'expected at least 1, received a smaller number'],
    [{ whole: 10 }, 'whole', 'expected at most 9, received a larger number'],
    [{ name: '' }, 'name', 'expected at least 1 character, received a string of 0'],
    [{ name: 'abcd' }, 'name', 'expected at most 3 characters, received a string of 4'],
    [{ two: 'a' }, 'two', 'expected at least 2 characters, received a string of 1'],
    [{ list: [] }, 'list', 'expected at least 1 entry, received an array of 0'],
    [{ list: ['a', 'b', 'c'] }, 'list', 'expected at most 2 entries, received an array of 3'],
    [{ list: ['a', 7] }, 'list[1]', 'expected string, received number'],
    [{ choice: 'c' }, 'choice', 'expected one of "a", "b", received another string'],
    [{ choice: 3 }, 'choice', 'expected one of "a", "b", received number'],
    [{ fixed: 2 }, 'fixed', 'expected one of 1, received number'],
    [{ either: 5 }, 'either', 'no accepted shape, received number'],
    [{ nested: {} }, 'nested.deep', 'expected array, but it is missing'],
    [
      { nested: { deep: [{ name: 'a' }, { name: 1 }] } },
      'nested.deep[1].name',
      'expected string, received number',
    ],
    [{ byName: { A: true } }, 'byName.A', 'expected string, received boolean'],
    [{ bytes: 'a' }, 'bytes', 'expected base64 with padding'],
    [{ bytes: 1 }, 'bytes', 'expected string, received number'],
  ];
  for (const [value, field, problem] of cases) {
    it(`describes ${JSON.stringify(value)} as: ${field}: ${problem}`, () => {
      expect(refusal(several, value)).to.deep.equal(told(field, problem));
    });
  }

  it('names the value itself if the problem is not in a field', () => {
    expect(refusal(several, 1, 'answer to process/start')).to.deep.equal(
      told('answer to process/start', 'expected object, received number'),
    );
  });

  it('names a field of an environment policy', () => {
    const start = (envPolicy: unknown) => refusal(requests['process/start'].params, { ...START, envPolicy });
    expect(start({ exclude: ['A*', 1] })).to.deep.equal(
      told('envPolicy.exclude[1]', 'expected string, received number'),
    );
    expect(start({ inherit: 'some' })).to.deep.equal(
      told('envPolicy.inherit', 'expected one of "all", "core", "none", received another string'),
    );
    expect(start([])).to.deep.equal(told('envPolicy', 'expected object, received array'));
  });

  it('never quotes the value of an environment variable', () => {
    const secret = 's3cret-planted';
    const name = fc.oneof(fc.string({ maxLength: 5 }), fc.constantFrom('A=', 'A\0', '', '__proto__', 'PATH'));
    const value = fc.oneof(
      fc.constantFrom<unknown>(secret, `${secret}\0`, [secret], { [secret]: secret }, { value: secret }, [
        [{ a: secret }],
      ]),
      fc.string().map(text => text + secret),
    );
    const variables = fc
      .array(fc.tuple(name, value, fc.boolean()), { minLength: 1, maxLength: 5 })
      // Not in a name either, after an `=` or NUL, which names must not contain.
      .map(entries =>
        Object.fromEntries(entries.map(([key, text, inName]) => [inName ? `${key}=${secret}` : key, text])),
      );
    const env = fc.oneof(variables, value, fc.array(variables));
    fc.assert(
      fc.property(env, fc.boolean(), (planted, inPolicy) => {
        const params = { ...START, ...(inPolicy ? { envPolicy: { set: planted } } : { env: planted }) };
        let error: unknown;
        try {
          parse(requests['process/start'].params, params);
        } catch (thrown) {
          error = thrown;
        }
        fc.pre(error !== undefined);
        expect(error).to.be.instanceOf(ExecServerError);
        const { message, data, stack } = error as ExecServerError;
        expect(JSON.stringify({ message, data, stack })).not.to.contain(secret);
      }),
      { numRuns: 500 },
    );
  });
});
