import { expect } from 'chai';
import { startDirectory } from '../../src/core/start-directory.ts';

describe('startDirectory', () => {
  describe('with a server on posix', () => {
    const server = { cwd: 'file:///srv/my%20project', platformOs: 'linux' };

    it('is the directory of the server by default', () => {
      expect(startDirectory(server)).to.equal('file:///srv/my%20project');
      expect(startDirectory({ ...server, cwd: undefined })).to.equal('file:///');
    });

    it('returns an absolute path and a URI unchanged', () => {
      const paths = ['/tmp', '/', '/a b/ü', '/a/../b', 'file:///x%20y', 'FILE:///x'];
      expect(paths.map(path => startDirectory(server, path))).to.deep.equal(paths);
    });

    it('resolves a relative path in the directory of the server', () => {
      const paths = ['sub', './sub/deep', '../other', '.', '', '~', 'C:\\x', '%20', '\\x'];
      expect(paths.map(path => startDirectory(server, path))).to.deep.equal([
        '/srv/my project/sub',
        '/srv/my project/sub/deep',
        '/srv/other',
        '/srv/my project',
        '/srv/my project',
        '/srv/my project/~',
        '/srv/my project/C:\\x',
        '/srv/my project/%20',
        '/srv/my project/\\x',
      ]);
    });

    it('resolves a relative path in / if the directory of the server is not known', () => {
      expect(startDirectory({ cwd: undefined, platformOs: 'linux' }, 'sub')).to.equal('/sub');
    });
  });

  describe('with a server on windows', () => {
    const server = { cwd: 'file:///C:/Users/me/my%20project', platformOs: 'windows' };

    it('is the directory of the server by default', () => {
      expect(startDirectory(server)).to.equal(server.cwd);
    });

    it('returns an absolute path and a URI unchanged', () => {
      const paths = ['D:\\work', 'd:/work', '\\\\server\\share\\x', 'file:///D:/work'];
      expect(paths.map(path => startDirectory(server, path))).to.deep.equal(paths);
    });

    it('resolves a relative path in the directory of the server', () => {
      const paths = ['sub', 'sub/deep', '..\\other', '.'];
      expect(paths.map(path => startDirectory(server, path))).to.deep.equal([
        'C:\\Users\\me\\my project\\sub',
        'C:\\Users\\me\\my project\\sub\\deep',
        'C:\\Users\\me\\other',
        'C:\\Users\\me\\my project',
      ]);
    });

    it('resolves a relative path on a share', () => {
      expect(startDirectory({ ...server, cwd: 'file://server/share/work' }, 'sub')).to.equal(
        '\\\\server\\share\\work\\sub',
      );
    });
  });
});
