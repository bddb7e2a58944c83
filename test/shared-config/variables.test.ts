import { expect } from 'chai';
import fc from 'fast-check';
import * as z from 'zod/mini';
import { MAX_VARIABLE_BYTES, MAX_VARIABLES, MAX_VARIABLES_LENGTH } from '../../src/shared-config/limits.ts';
import { variables } from '../../src/shared-config/variables.ts';

const Variables = variables({ nullable: false });

const issuesOf = (value: unknown) =>
  Variables.safeParse(value).error?.issues.map(({ path, code, message }) => ({ path, code, message }));

const custom = (path: string[], message: string) => [{ path, code: 'custom', message }];

describe('variables', () => {
  it('takes any name that an environment can hold', () => {
    const env = {
      PATH: '/bin',
      'PROGRAMFILES(X86)': 'C:\\',
      'with space': '',
      ä: 'ö',
      constructor: 'x',
      '1': '=',
    };
    expect(Variables.parse(env)).to.deep.equal(env);
  });

  it('refuses an empty name', () => {
    expect(issuesOf({ '': 'x' })).to.deep.equal(custom([''], 'a variable name may not be empty'));
  });

  it('refuses a name with NUL, and names it up to there', () => {
    expect(issuesOf({ 'A\0B': 'x' })).to.deep.equal(custom(['A'], 'a variable name may not contain NUL'));
  });

  it('refuses a name with "=", and does not repeat what follows it', () => {
    const path = ['API_KEY'];
    const expected = custom(path, 'a variable name may not contain "="');
    expect(issuesOf({ 'API_KEY=hunter2': '' })).to.deep.equal(expected);
    expect(issuesOf({ 'API_KEY=hunter2': 7 })).to.deep.equal(expected);
    expect(issuesOf({ 'API_KEY=line\nhunter2\0': '' })).to.deep.equal(expected);
  });

  it('takes a variable named __proto__, and refuses a wrong value of it', () => {
    const taken = Variables.parse(JSON.parse('{"A":"1","__proto__":"x"}'));
    expect(Object.entries(taken)).to.deep.equal([
      ['A', '1'],
      ['__proto__', 'x'],
    ]);
    const issues = [1, {}, 'x\0'].map(value =>
      issuesOf(JSON.parse(`{"__proto__":${JSON.stringify(value)}}`))?.map(({ path, code }) => [
        code,
        ...path,
      ]),
    );
    expect(issues).to.deep.equal([
      [['invalid_type', '__proto__']],
      [['invalid_type', '__proto__']],
      [['custom', '__proto__']],
    ]);
  });

  it('refuses a value with NUL', () => {
    expect(issuesOf({ A: 'x\0' })).to.deep.equal(custom(['A'], 'a variable value may not contain NUL'));
  });

  it('takes a variable as long as a program can be given, and no longer', () => {
    const value = 'x'.repeat(MAX_VARIABLE_BYTES - 1);
    const message = (bytes: number) =>
      `expected at most 131070 bytes of name and value together, received ${bytes}`;
    expect([{ A: value }, { AB: value }, { A: 'ä'.repeat(2 ** 16) }].map(issuesOf)).to.deep.equal([
      undefined,
      custom(['AB'], message(131_071)),
      custom(['A'], message(131_073)),
    ]);
  });

  it('takes as many characters as the limit says and no more', () => {
    const value = 'x'.repeat(2 ** 16 - 4);
    const many = Object.fromEntries(
      Array.from({ length: MAX_VARIABLES_LENGTH / 2 ** 16 }, (_, at) => [`V${100 + at}`, value]),
    );
    expect([many, { ...many, A: '' }].map(issuesOf)).to.deep.equal([
      undefined,
      custom([], 'expected at most 6291456 characters in all, received 6291457'),
    ]);
  });

  it('names every bad variable', () => {
    expect(issuesOf({ '': 'x', 'A=': 'x', B: 'x' })?.map(({ path }) => path)).to.deep.equal([[''], ['A']]);
  });

  it('refuses a value of another type, and what is no object at all', () => {
    const codes = [{ A: 1 }, { A: null }, [], ['A=1'], 'A=1', null, 5, new Map(), new Date(0)].map(
      value => issuesOf(value)?.[0],
    );
    expect(codes.map(issue => [issue?.code, issue?.path])).to.deep.equal([
      ['invalid_type', ['A']],
      ['invalid_type', ['A']],
      ...Array.from({ length: 7 }, () => ['invalid_type', []]),
    ]);
  });

  it('takes as many variables as the limit says and no more', () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`V${at}`, '']));
    expect(issuesOf(many(MAX_VARIABLES))).to.equal(undefined);
    expect(issuesOf(many(MAX_VARIABLES + 1))).to.deep.equal(
      custom([], 'expected at most 10000 variables, received 10001'),
    );
  });

  it('never repeats a value in an issue', () => {
    const name = fc.string({ unit: fc.constantFrom('A', '=', '\0', 'b', '_'), maxLength: 4 });
    const secret = 'hunter2';
    const value = fc.constantFrom(secret, `${secret}\0`, [secret], { [secret]: secret });
    const entries = fc.array(fc.tuple(fc.oneof(name, fc.constant(`A=${secret}`)), value), { minLength: 1 });
    fc.assert(
      fc.property(entries, list => {
        const result = Variables.safeParse(Object.fromEntries(list));
        expect(JSON.stringify(result.error?.issues ?? [])).not.to.include(secret);
      }),
    );
  });

  it('gives senders the JSON schema that receivers have', () => {
    const schema = (io: 'input' | 'output') => z.toJSONSchema(Variables, { io });
    expect(schema('input')).to.deep.equal(schema('output'));
    expect(schema('input')).to.deep.include({ type: 'object', additionalProperties: { type: 'string' } });
  });
});
