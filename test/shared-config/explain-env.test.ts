import { expect } from 'chai';
import { explainEnv } from '../../src/shared-config/explain-env.ts';

const input = {
  base: { PATH: '/bin', MY_TOKEN: 'planted' },
  policy: { set: { A: 'planted' } },
  overlay: { B: 'planted', NEVER: null },
  platform: 'posix',
} as const;
const counts = { kept: 1, removed: 1, set: 2 };

describe('explainEnv', () => {
  it('explains every name that a step handled, and counts them', () => {
    const { variables, ...rest } = explainEnv(input);
    expect(Object.fromEntries(variables)).to.deep.equal({
      PATH: { outcome: 'kept' },
      MY_TOKEN: { outcome: 'removed', by: 'defaultExcludes', pattern: '*TOKEN*' },
      A: { outcome: 'set', by: 'policy' },
      B: { outcome: 'set', by: 'overlay' },
    });
    expect(rest).to.deep.equal({ counts });
  });

  it('explains only the requested names, and counts all', () => {
    expect(explainEnv(input, ['NOWHERE', 'PATH'])).to.deep.equal({
      variables: new Map([
        ['NOWHERE', { outcome: 'absent' }],
        ['PATH', { outcome: 'kept' }],
      ]),
      counts,
    });
    expect(explainEnv(input, [])).to.deep.equal({ variables: new Map(), counts });
  });
});
