import { expect } from 'chai';
import { countDecisions, type EnvDecision } from '../../src/shared-config/env-decision.ts';

describe('countDecisions', () => {
  it('counts nothing as zeros', () => {
    expect(countDecisions(new Map())).to.deep.equal({ kept: 0, removed: 0, set: 0 });
  });

  it('counts each outcome, whatever caused it', () => {
    const decisions = new Map<string, EnvDecision>([
      ['HOME', { outcome: 'kept' }],
      ['PATH', { outcome: 'kept' }],
      ['API_KEY', { outcome: 'removed', by: 'defaultExcludes', pattern: '*KEY*' }],
      ['LC_ALL', { outcome: 'removed', by: 'overlay' }],
      ['EDITOR', { outcome: 'removed', by: 'inherit' }],
      ['A', { outcome: 'set', by: 'policy' }],
      ['B', { outcome: 'set', by: 'overlay' }],
      ['PATHEXT', { outcome: 'set', by: 'platform' }],
      ['C', { outcome: 'set', by: 'overlay' }],
    ]);
    expect(countDecisions(decisions)).to.deep.equal({ kept: 2, removed: 3, set: 4 });
  });
});
