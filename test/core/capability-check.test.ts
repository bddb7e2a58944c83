import { expect } from 'chai';
import {
  assertEnvSupported,
  assertHeadersSupported,
  assertSandboxSupported,
} from '../../src/core/capability-check.ts';
import { RequestError } from '../../src/core/errors.ts';

const server = (capabilities: Record<string, boolean>) => ({
  shell: { name: 'sh', path: '/bin/sh', insteadOf: undefined },
  executorVersion: '0.0.9',
  providerId: undefined,
  cwd: undefined,
  userHomeDir: undefined,
  platformOs: 'linux',
  tempDir: undefined,
  temporaryDirectories: [],
  prependPathDirs: [],
  capabilities,
});

describe('assertEnvSupported', () => {
  it('refuses secretValues if the server would ignore it', () => {
    for (const capabilities of [{}, { secretValues: false }, { tty: true }] as Array<
      Record<string, boolean>
    >) {
      let error: unknown;
      try {
        assertEnvSupported({ env: {}, envPolicy: { secretValues: true } }, server(capabilities));
      } catch (thrown) {
        error = thrown;
      }
      expect(error).to.be.instanceOf(RequestError);
      const { message, kind, data } = error as RequestError;
      expect({ message, kind, data }).to.deep.equal({
        message: 'envPolicy.secretValues: the server (version 0.0.9) does not check values',
        kind: 'unsupported',
        data: { kind: 'unsupported', field: 'envPolicy.secretValues' },
      });
    }
  });

  it('accepts secretValues if the server checks values, or if it is not set', () => {
    assertEnvSupported({ env: {}, envPolicy: { secretValues: true } }, server({ secretValues: true }));
    for (const envPolicy of [undefined, {}, { secretValues: false }, { secretValues: null }]) {
      assertEnvSupported({ env: {}, ...(envPolicy && { envPolicy }) }, server({}));
    }
  });
});

describe('assertSandboxSupported', () => {
  const sandbox = { permissions: { type: 'disabled' } };

  it('refuses a sandbox if the server does not announce the capability', () => {
    expect(() => assertSandboxSupported('fs/readFile', { sandbox }, {})).to.throw(
      RequestError,
      'sandbox: the server does not announce this capability',
    );
  });

  it('accepts a sandbox if the server enforces or refuses it, and a request without one', () => {
    for (const supported of [true, false]) {
      assertSandboxSupported('process/start', { sandbox }, { sandbox: supported });
    }
    assertSandboxSupported('process/start', {}, {});
  });
});

describe('assertHeadersSupported', () => {
  const headers = [{ name: 'a' }, { name: 'b', valueEnvVar: 'TOKEN' }];

  it('refuses a header with a variable if the server would ignore the field', () => {
    expect(() => assertHeadersSupported('http/request', headers, server({}))).to.throw(
      RequestError,
      'headers[1].valueEnvVar: the server does not announce the capability httpHeaderEnvVars',
    );
  });

  it('accepts it if the server announces the capability, and headers without a variable', () => {
    assertHeadersSupported('http/request', headers, server({ httpHeaderEnvVars: true }));
    assertHeadersSupported('http/request', headers.slice(0, 1), server({}));
  });
});
