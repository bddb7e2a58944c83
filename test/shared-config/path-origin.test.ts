import { expect } from 'chai';
import { traceEnv } from '../../src/shared-config/build-env.ts';
import type { EnvPolicy } from '../../src/shared-config/env-policy.ts';
import { describePathOrigin, type PathOrigin, pathOrigin } from '../../src/shared-config/path-origin.ts';

describe('pathOrigin', () => {
  const origin = (policy: EnvPolicy | undefined, overlay = {}, base = { PATH: '/bin' }) => {
    const { decisions } = traceEnv({ base, policy, overlay, platform: 'posix' });
    return pathOrigin(decisions, policy && 'login', 'posix');
  };

  it('is the decision on PATH, with the base if there is a policy', () => {
    expect(origin({})).to.deep.equal({ outcome: 'kept', base: 'login' });
    expect(origin({ exclude: ['P*'] })).to.deep.equal({
      outcome: 'removed',
      by: 'exclude',
      pattern: 'P*',
      base: 'login',
    });
    expect(origin(undefined, { PATH: '/opt' })).to.deep.equal({ outcome: 'set', by: 'overlay' });
    expect(origin(undefined)).to.deep.equal({ outcome: 'absent' });
  });

  it('finds the PATH by any spelling on windows', () => {
    const { decisions } = traceEnv({ base: { Path: 'C:\\bin' }, policy: {}, platform: 'windows' });
    expect(pathOrigin(decisions, 'process', 'windows')).to.deep.equal({ outcome: 'kept', base: 'process' });
  });
});

describe('describePathOrigin', () => {
  const origins: Array<[origin: PathOrigin, text: string]> = [
    [{ outcome: 'kept', base: 'process' }, 'PATH kept from base process'],
    [{ outcome: 'kept', base: 'loginInteractive' }, 'PATH kept from base loginInteractive'],
    [{ outcome: 'set', by: 'policy', base: 'login' }, 'PATH set by the policy'],
    [{ outcome: 'set', by: 'overlay', base: 'process' }, 'PATH set by the overlay'],
    [{ outcome: 'removed', by: 'inherit', base: 'process' }, 'PATH removed by inherit'],
    [
      { outcome: 'removed', by: 'exclude', pattern: 'P*', base: 'login' },
      'PATH removed by exclude pattern P*',
    ],
    [{ outcome: 'absent', base: 'login' }, 'base login has no PATH'],
    [{ outcome: 'absent' }, 'env has no PATH'],
  ];
  for (const [origin, text] of origins) {
    it(`says: ${text}`, () => {
      expect(describePathOrigin(origin)).to.equal(text);
    });
  }
});
