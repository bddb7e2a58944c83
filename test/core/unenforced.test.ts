import { expect } from 'chai';
import { RequestError } from '../../src/core/errors.ts';
import { refuseUnenforced } from '../../src/core/unenforced.ts';

const server = (capabilities: Record<string, boolean>) => ({
  shell: { name: 'sh', path: '/bin/sh' },
  executorVersion: '0.0.9',
  cwd: undefined,
  userHomeDir: undefined,
  platformOs: 'linux',
  tempDir: undefined,
  temporaryDirectories: [],
  prependPathDirs: [],
  capabilities,
});

describe('refuseUnenforced', () => {
  it('refuses secretValues where the server would pass it over', () => {
    for (const capabilities of [{}, { secretValues: false }, { tty: true }] as Array<
      Record<string, boolean>
    >) {
      let error: unknown;
      try {
        refuseUnenforced({ env: {}, envPolicy: { secretValues: true } }, server(capabilities));
      } catch (thrown) {
        error = thrown;
      }
      expect(error).to.be.instanceOf(RequestError);
      const { message, kind, data } = error as RequestError;
      expect({ message, kind, data }).to.deep.equal({
        message: 'envPolicy.secretValues: the server (version 0.0.9) does not look at values',
        kind: 'unsupported',
        data: { kind: 'unsupported', field: 'envPolicy.secretValues' },
      });
    }
  });

  it('lets pass what is enforced, and what is not asked for', () => {
    refuseUnenforced({ env: {}, envPolicy: { secretValues: true } }, server({ secretValues: true }));
    for (const envPolicy of [undefined, {}, { secretValues: false }, { secretValues: null }]) {
      refuseUnenforced({ env: {}, ...(envPolicy && { envPolicy }) }, server({}));
    }
  });
});
