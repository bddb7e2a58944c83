import { expect } from 'chai';
import { platformOf } from '../../src/shared-config/env.ts';

describe('platformOf', () => {
  it('answers windows for win32 only', () => {
    const platforms = ['win32', 'linux', 'darwin', 'freebsd', 'cygwin', 'android'] as const;
    expect(platforms.map(platformOf)).to.deep.equal(['windows', 'posix', 'posix', 'posix', 'posix', 'posix']);
  });
});
