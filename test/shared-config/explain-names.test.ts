import { expect } from 'chai';
import type { EnvDecision } from '../../src/shared-config/env-decision.ts';
import { explainNames } from '../../src/shared-config/explain-names.ts';

describe('explainNames', () => {
  const kept = { outcome: 'kept' } as const;
  const removed = { outcome: 'removed', by: 'defaultExcludes', pattern: '*TOKEN*' } as const;
  const absent = { outcome: 'absent' } as const;
  const decisions = new Map<string, EnvDecision>([
    ['Path', kept],
    ['MY_TOKEN', removed],
  ]);

  it('answers for each name in the order asked, absent where no step met it', () => {
    const answers = explainNames(['MY_TOKEN', 'NOWHERE', 'Path'], decisions, 'posix');
    expect([...answers]).to.deep.equal([
      ['MY_TOKEN', removed],
      ['NOWHERE', absent],
      ['Path', kept],
    ]);
  });

  it('tells spellings apart on posix', () => {
    expect([...explainNames(['PATH'], decisions, 'posix')]).to.deep.equal([['PATH', absent]]);
  });

  it('finds a name by any spelling on windows and answers under the one asked for', () => {
    expect([...explainNames(['PATH', 'my_token'], decisions, 'windows')]).to.deep.equal([
      ['PATH', kept],
      ['my_token', removed],
    ]);
  });

  it('answers absent for a name that every object has', () => {
    expect([...explainNames(['__proto__', 'constructor'], decisions, 'posix')]).to.deep.equal([
      ['__proto__', absent],
      ['constructor', absent],
    ]);
  });
});
