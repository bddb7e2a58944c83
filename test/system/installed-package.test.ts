import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import {
  dependencyDirectory,
  ownPackageRoot,
  sharedCodeDirectory,
} from '../../src/system/installed-package.ts';
import { NOBODY_UID } from '../support/accounts.ts';

const asRoot = process.getuid?.() === 0;

describe('installed packages', () => {
  let base: string;
  beforeEach(() => {
    base = realpathSync(mkdtempSync(join(tmpdir(), 'installed-package-test-')));
  });
  afterEach(() => rmSync(base, { recursive: true }));

  const file = (name: string, text = ''): string => {
    const path = join(base, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  };
  const directory = (name: string): string => dirname(file(`${name}/package.json`, '{"name":"other"}'));
  const ownPackage = (root: string): string => {
    file(`${root}/package.json`, '{"name":"exec-server"}');
    return file(`${root}/dist/exec-server.cjs`);
  };

  describe('ownPackageRoot', () => {
    it('is above the code that runs', () => {
      expect(ownPackageRoot()).to.equal(fileURLToPath(new URL('../..', import.meta.url)).slice(0, -1));
    });

    it('is above dist/, for the program and for the library', () => {
      const root = join(base, 'src/dist/package');
      expect(ownPackageRoot(ownPackage('src/dist/package'))).to.equal(root);
      expect(ownPackageRoot(file('src/dist/package/dist/server/platform/a.js'))).to.equal(root);
    });

    it('is not that of another package, nor of a file outside of dist/', () => {
      directory('other');
      expect(ownPackageRoot(file('other/dist/exec-server.cjs'))).to.equal(undefined);
      ownPackage('copied');
      expect(ownPackageRoot(file('copied/exec-server.cjs'))).to.equal(undefined);
      expect(ownPackageRoot(file('copied/below/exec-server.cjs'))).to.equal(undefined);
    });

    it('is no package.json of the current directory', () => {
      const before = process.cwd();
      ownPackage('here');
      try {
        process.chdir(join(base, 'here'));
        expect(ownPackageRoot('/dist/exec-server.cjs')).to.equal(undefined);
        expect(ownPackageRoot('dist/exec-server.cjs')).to.equal(undefined);
      } finally {
        process.chdir(before);
      }
    });

    it('is no directory that every user can write', () => {
      const program = ownPackage('shared');
      chmodSync(join(base, 'shared'), 0o1777);
      expect(ownPackageRoot(program)).to.equal(undefined);
    });

    (asRoot ? it : it.skip)('is no directory of another user, unless the code is that user’s, too', () => {
      const program = ownPackage('theirs');
      chownSync(join(base, 'theirs'), NOBODY_UID, NOBODY_UID);
      expect(ownPackageRoot(program)).to.equal(undefined);
      chownSync(program, NOBODY_UID, NOBODY_UID);
      expect(ownPackageRoot(program)).to.equal(join(base, 'theirs'));
    });
  });

  describe('sharedCodeDirectory', () => {
    it('is that of the code, if other users can add files to it', () => {
      const program = ownPackage('package');
      expect(sharedCodeDirectory(program)).to.equal(undefined);
      chmodSync(dirname(program), 0o1777);
      expect(sharedCodeDirectory(program)).to.equal(dirname(program));
    });
  });

  describe('dependencyDirectory', () => {
    it('is in the node_modules of the package', () => {
      const own = directory('package/node_modules/@scope/own');
      expect(dependencyDirectory(join(base, 'package'), '@scope/own')).to.equal(own);
    });

    it('is in the node_modules that the package is in, also at a distance', () => {
      directory('app/node_modules/@scope/uses/node_modules/package');
      const root = join(base, 'app/node_modules/@scope/uses/node_modules/package');
      const [far, near] = ['app/node_modules/far', 'app/node_modules/@scope/uses/node_modules/near'].map(
        directory,
      );
      expect(dependencyDirectory(root, 'far')).to.equal(far);
      expect(dependencyDirectory(root, 'near')).to.equal(near);
    });

    it('is where a link of the installation leads', () => {
      const store = directory('store/native@1/node_modules/native');
      const sibling = directory('store/native@1/node_modules/binary');
      const root = directory('store/package@1/node_modules/package');
      symlinkSync(store, join(dirname(root), 'native'));
      expect(dependencyDirectory(root, 'native')).to.equal(store);
      expect(dependencyDirectory(store, 'binary')).to.equal(sibling);
    });

    it('is in no node_modules of another parent directory, of NODE_PATH or of the home directory', () => {
      const root = directory('above/package');
      for (const modules of ['node_modules', 'above/node_modules', 'path', 'home/.node_modules'])
        directory(`${modules}/native`);
      const before = { ...process.env };
      Object.assign(process.env, { NODE_PATH: join(base, 'path'), HOME: join(base, 'home') });
      try {
        expect(dependencyDirectory(root, 'native')).to.equal(undefined);
      } finally {
        process.env = before;
      }
    });

    it('is in no node_modules that every user can write', () => {
      const root = directory('node_modules/package');
      directory('node_modules/native');
      chmodSync(dirname(root), 0o1777);
      expect(dependencyDirectory(root, 'native')).to.equal(undefined);
    });

    (asRoot ? it : it.skip)('is in no node_modules of another user', () => {
      const root = directory('node_modules/package');
      directory('node_modules/native');
      chownSync(dirname(root), NOBODY_UID, NOBODY_UID);
      expect(dependencyDirectory(root, 'native')).to.equal(undefined);
    });
  });
});
