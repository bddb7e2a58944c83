import { expect } from 'chai';
import { requests } from '../../../src/protocol/messages.ts';
import { explainEnvironment } from '../../../src/server/environment/explain-environment.ts';
import { MAX_EXPLANATION_BYTES } from '../../../src/server/environment/limits.ts';
import type { Env } from '../../../src/shared-config/index.ts';

const explain = (params: object, base: Env) =>
  explainEnvironment(requests['environment/explain'].params.parse(params), base, 'posix');

const thrown = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    const { kind, data } = error as { kind: string; data: object };
    return { ...data, kind };
  }
  throw new Error('it went well');
};

/** A base whose names take this many bytes in an answer, in addition to their decisions. */
const variables = (count: number, nameBytes: number): Env =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [String(at).padStart(nameBytes, 'N'), '']));

/** A policy that matches no name, which takes no time. */
const EVERYTHING = { ignoreDefaultExcludes: true };

describe('explainEnvironment', () => {
  const base = { PATH: '/bin', HOME: '/home/me', MY_TOKEN: 'planted' };

  it('explains every name of the base, the policy and the overlay', () => {
    const params = {
      envPolicy: { exclude: ['H*'], set: { A: 'planted' } },
      env: { PATH: null, B: 'planted' },
    };
    expect(explain(params, base)).to.deep.equal({
      variables: {
        PATH: { outcome: 'removed', by: 'overlay' },
        HOME: { outcome: 'removed', by: 'exclude', pattern: 'H*' },
        MY_TOKEN: { outcome: 'removed', by: 'defaultExcludes', pattern: '*TOKEN*' },
        PWD: { outcome: 'set', by: 'platform' },
        A: { outcome: 'set', by: 'policy' },
        B: { outcome: 'set', by: 'overlay' },
      },
      counts: { kept: 0, removed: 3, set: 3 },
    });
  });

  it('explains an exact environment as set, without names of the base', () => {
    expect(explain({ env: { B: 'planted' }, names: ['B', 'PATH'] }, base)).to.deep.equal({
      variables: { B: { outcome: 'set', by: 'overlay' }, PATH: { outcome: 'absent' } },
      counts: { kept: 0, removed: 0, set: 1 },
    });
  });

  it('refuses an answer that is too long, with its length, and answers it in parts', () => {
    // {"outcome":"kept"}, the name in quotes, and the brackets and the comma of an entry.
    const entry = 1000 + 18 + 2 + 3;
    const directory = JSON.stringify(['PWD', { outcome: 'set', by: 'platform' }]).length;
    const fits = Math.floor((MAX_EXPLANATION_BYTES - directory) / entry);
    const most = explain({ envPolicy: EVERYTHING }, variables(fits, 1000));
    expect(most.counts).to.deep.equal({ kept: fits, removed: 0, set: 1 });
    expect(thrown(() => explain({ envPolicy: EVERYTHING }, variables(fits + 1, 1000)))).to.deep.equal({
      kind: 'limitExceeded',
      limit: 'explanationBytes',
      current: (fits + 1) * entry + directory,
      max: MAX_EXPLANATION_BYTES,
    });
    const some = explain({ envPolicy: EVERYTHING, names: ['PATH'] }, variables(fits + 1, 1000));
    expect(some.variables).to.deep.equal({ PATH: { outcome: 'absent' } });
  });

  it('counts characters as JSON bytes with escapes', () => {
    const name = '\n'.repeat(MAX_EXPLANATION_BYTES / 2);
    expect(thrown(() => explain({ envPolicy: EVERYTHING }, { [name]: '' }))).to.deep.include({
      limit: 'explanationBytes',
    });
  });
});
