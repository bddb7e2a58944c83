import { expect } from 'chai';
import type { EnvPolicy } from '../../src/shared-config/env-policy.ts';
import { FollowedPolicies } from '../../src/shared-config/followed-policies.ts';

/** A base that counts how often all of it is looked at. */
const watched = () => {
  let looks = 0;
  const base = new Proxy<Record<string, string>>(
    { PATH: '/bin', A: 'base' },
    {
      ownKeys: target => {
        looks += 1;
        return Reflect.ownKeys(target);
      },
    },
  );
  return { base, looks: () => looks };
};

describe('FollowedPolicies', () => {
  it('follows a policy once for a base, however often it comes', () => {
    const followed = new FollowedPolicies();
    const { base, looks } = watched();
    const policy = () => ({ exclude: ['A'] });
    const envs = [1, 2, 3].map(() => followed.draft(policy(), base, 'posix').toEnv());
    expect([envs, looks()]).to.deep.equal([Array(3).fill({ PATH: '/bin' }), 1]);
  });

  it('gives each caller a draft of its own', () => {
    const followed = new FollowedPolicies();
    const base = { A: 'base' };
    const first = followed.draft({}, base, 'posix');
    first.set('A', 'first', { outcome: 'set', by: 'overlay' });
    first.remove('A', { outcome: 'removed', by: 'overlay' });
    const second = followed.draft({}, base, 'posix');
    expect([second.toEnv(), [...second.decisions()]]).to.deep.equal([base, [['A', { outcome: 'kept' }]]]);
  });

  it('takes another base, policy or platform for another one', () => {
    const followed = new FollowedPolicies();
    const base = { Path: 'C:\\bin', A_KEY: '1' };
    const made = (policy: EnvPolicy, of = base, platform: 'posix' | 'windows' = 'posix') =>
      followed.draft(policy, of, platform);
    expect(made({}).toEnv()).to.deep.equal({ Path: 'C:\\bin' });
    expect(made({}, base, 'windows').get('PATH')).to.equal('C:\\bin');
    expect(made({}).get('PATH')).to.equal(undefined);
    expect(made({ ignoreDefaultExcludes: true }).toEnv()).to.deep.equal(base);
    expect(made({ set: { A: '1' } }).get('A')).to.equal('1');
    expect(made({ set: { A: '2' } }).get('A')).to.equal('2');
    expect(made({}, { ...base, Path: 'D:\\bin' }).toEnv()).to.deep.equal({ Path: 'D:\\bin' });
  });

  it('keeps what the last four policies made', () => {
    const followed = new FollowedPolicies();
    const { base, looks } = watched();
    const follow = (...names: string[]) => {
      const before = looks();
      for (const name of names) followed.draft({ exclude: [name] }, base, 'posix');
      return looks() - before;
    };
    expect(follow('1', '2', '3', '4')).to.equal(4);
    expect(follow('1', '5')).to.equal(1);
    expect(follow('1', '3', '4', '5')).to.equal(0);
    expect(follow('2')).to.equal(1);
  });

  it('keeps nothing of a policy that is longer than 64 KiB', () => {
    const followed = new FollowedPolicies();
    const { base, looks } = watched();
    const long = { set: { LONG: 'x'.repeat(64 * 1024) } };
    const [one, other] = [followed.draft(long, base, 'posix'), followed.draft(long, base, 'posix')];
    expect(one.toEnv()).to.deep.equal(other.toEnv());
    expect(looks()).to.equal(2);
  });
});
