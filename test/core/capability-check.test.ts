import { expect } from 'chai';
import {
  assertEnvSupported,
  assertHeadersSupported,
  assertSandboxSupported,
} from '../../src/core/capability-check.ts';
import { RequestError } from '../../src/core/errors.ts';
import { version } from '../../src/protocol/version.ts';

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

const lacks = (capability: string) =>
  `exec-server 0.0.9 on the server lacks ${capability}; this client is ${version}: use the same version on both sides`;

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
        message: `envPolicy.secretValues: ${lacks('secretValues')}`,
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
    expect(() => assertSandboxSupported('fs/readFile', { sandbox }, server({}))).to.throw(
      RequestError,
      `sandbox: ${lacks('sandbox')}`,
    );
  });

  it('accepts a sandbox if the server enforces or refuses it, and a request without one', () => {
    for (const supported of [true, false]) {
      assertSandboxSupported('process/start', { sandbox }, server({ sandbox: supported }));
    }
    assertSandboxSupported('process/start', {}, server({}));
  });
});

describe('assertHeadersSupported', () => {
  const headers = [{ name: 'a' }, { name: 'b', valueEnvVar: 'TOKEN' }];

  it('refuses a header with a variable if the server would ignore the field', () => {
    expect(() => assertHeadersSupported('http/request', headers, server({}))).to.throw(
      RequestError,
      `headers[1].valueEnvVar: ${lacks('httpHeaderEnvVars')}`,
    );
  });

  it('accepts it if the server announces the capability, and headers without a variable', () => {
    assertHeadersSupported('http/request', headers, server({ httpHeaderEnvVars: true }));
    assertHeadersSupported('http/request', headers.slice(0, 1), server({}));
  });
});
