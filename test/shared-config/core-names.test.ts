import { expect } from 'chai';
import { INHERIT_CORE_NAMES } from '../../src/shared-config/core-names.ts';
import { foldCase } from '../../src/shared-config/fold-case.ts';

describe('INHERIT_CORE_NAMES', () => {
  it('lists for posix what a program needs to run', () => {
    const names = 'PATH SHELL TMPDIR TEMP TMP HOME LANG LC_ALL LC_CTYPE LOGNAME USER';
    expect([...INHERIT_CORE_NAMES.posix]).to.deep.equal(names.split(' '));
  });

  it('lists for windows what a program needs to run', () => {
    const names =
      'PATH PATHEXT SHELL COMSPEC SYSTEMROOT SYSTEMDRIVE WINDIR USERNAME USERDOMAIN USERPROFILE HOMEDRIVE ' +
      'HOMEPATH PROGRAMFILES PROGRAMFILES(X86) PROGRAMW6432 PROGRAMDATA LOCALAPPDATA APPDATA TEMP TMP TMPDIR ' +
      'POWERSHELL PWSH';
    expect([...INHERIT_CORE_NAMES.windows]).to.deep.equal(names.split(' '));
  });

  it('has every name in folded case, as it is compared', () => {
    const names = [...INHERIT_CORE_NAMES.posix, ...INHERIT_CORE_NAMES.windows];
    expect(names.map(foldCase)).to.deep.equal(names);
  });
});
