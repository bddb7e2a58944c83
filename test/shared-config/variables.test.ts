import { expect } from 'chai';
import fc from 'fast-check';
import * as z from 'zod/mini';
import { MAX_VARIABLES } from '../../src/shared-config/limits.ts';
import { VariableValue, variables } from '../../src/shared-config/variables.ts';

const Variables = variables(VariableValue, 'string');

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

  it('refuses a __proto__ instead of losing it', () => {
    const message = 'a variable may not be named __proto__';
    expect(issuesOf(JSON.parse('{"A":"1","__proto__":"x"}'))).to.deep.equal(custom(['__proto__'], message));
  });

  it('refuses a value with NUL', () => {
    expect(issuesOf({ A: 'x\0' })).to.deep.equal(custom(['A'], 'a variable value may not contain NUL'));
  });

  it('names every bad variable', () => {
    expect(issuesOf({ '': 'x', 'A=': 'x', B: 'x' })?.map(({ path }) => path)).to.deep.equal([[''], ['A']]);
  });

  it('refuses a value of another type, and what is no object at all', () => {
    const codes = [{ A: 1 }, { A: null }, [], ['A=1'], 'A=1', null, 5, new Map()].map(
      value => issuesOf(value)?.[0],
    );
    expect(codes.map(issue => [issue?.code, issue?.path])).to.deep.equal([
      ['invalid_type', ['A']],
      ['invalid_type', ['A']],
      ...Array.from({ length: 6 }, () => ['invalid_type', []]),
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
    const { propertyNames, ...received } = schema('output');
    expect(propertyNames).to.deep.equal({ type: 'string' });
    expect(schema('input')).to.deep.equal(received);
  });
});
