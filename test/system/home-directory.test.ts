import { userInfo } from 'node:os';
import { expect } from 'chai';
import { homeDirectory } from '../../src/system/home-directory.ts';

describe('homeDirectory', () => {
  const { HOME } = process.env;
  afterEach(() => {
    if (HOME === undefined) delete process.env.HOME;
    else process.env.HOME = HOME;
  });

  it('is HOME, if that is an absolute path', function () {
    if (process.platform === 'win32') this.skip();
    process.env.HOME = '/elsewhere';
    expect(homeDirectory()).to.equal('/elsewhere');
  });

  it('is that of the user database for an empty or relative HOME', function () {
    if (process.platform === 'win32') this.skip();
    for (const home of ['', 'home', '.']) {
      process.env.HOME = home;
      expect(homeDirectory()).to.equal(userInfo().homedir);
    }
  });
});
