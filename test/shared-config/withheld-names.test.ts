import { expect } from 'chai';
import fc from 'fast-check';
import { buildEnv, isWithheld, withoutWithheld } from '../../src/shared-config/index.ts';
import { holds } from '../support/holds.ts';
import { anyInput } from './arbitraries.ts';

const NAMES = [
  'OPENAI_FEDERATION_RULE_ID',
  'OPENAI_IDENTITY_TOKEN_FILE',
  'OPENAI_WORKLOAD_IDENTITY_CONTEXT',
  'CODEX_EXEC_SERVER_NOISE_AUTH_TOKEN',
  'NODE_REPL_AUTH_TOKEN',
];

/** A withheld name in any case. */
const anyWithheld = fc
  .tuple(fc.constantFrom(...NAMES), fc.infiniteStream(fc.boolean()))
  .map(([name, lower]) =>
    Array.from(name, letter => (lower.next().value ? letter.toLowerCase() : letter)).join(''),
  );

describe('isWithheld', () => {
  it('ignores case, and compares whole names', () => {
    holds([anyWithheld], name => {
      expect([name, `${name}_`, `_${name}`, name.slice(1)].map(isWithheld)).to.deep.equal([
        true,
        false,
        false,
        false,
      ]);
    });
  });

  it('is false for other names of the same length', () => {
    expect(NAMES.map(({ length }) => isWithheld('A'.repeat(length)))).to.not.include(true);
    expect(['OPENAI_API_KEY', 'CODEX_HOME', ''].map(isWithheld)).to.not.include(true);
  });
});

describe('withoutWithheld', () => {
  it('removes withheld names only', () => {
    expect(withoutWithheld({ A: '1', openai_federation_rule_id: null, B: null })).to.deep.equal({
      A: '1',
      B: null,
    });
  });

  it('returns the same object if there is nothing to remove', () => {
    const variables = { A: '1' };
    expect(withoutWithheld(variables)).to.equal(variables);
  });
});

describe('buildEnv', () => {
  it('gives no process a withheld name, whichever input has it', () => {
    holds([anyInput, anyWithheld, fc.boolean()], (input, name, exact) => {
      const more = { [name]: 'value' };
      const env = buildEnv({
        base: { ...input.base, ...more },
        policy: exact ? undefined : { ...input.policy, set: { ...input.policy?.set, ...more } },
        overlay: { ...input.overlay, ...more },
        platform: input.platform,
      });
      expect(Object.keys(env).filter(isWithheld)).to.deep.equal([]);
    });
  });

  it('inherits no id of a tool call; only the overlay sets it', () => {
    const given = { CODEX_TOOL_CALL_ID: 'x' };
    const build = (input: object) => buildEnv({ base: given, policy: {}, platform: 'posix', ...input });
    expect(build({})).to.deep.equal({});
    expect(build({ policy: { set: given } })).to.deep.equal({});
    expect(build({ overlay: given })).to.deep.equal(given);
    expect(build({ policy: undefined, overlay: given })).to.deep.equal(given);
    const lower = { codex_tool_call_id: 'x' };
    expect(build({ base: lower })).to.deep.equal(lower);
    expect(build({ base: lower, platform: 'windows' })).to.have.all.keys('PATHEXT');
  });
});
