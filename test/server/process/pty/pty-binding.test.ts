import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ptyUnavailable } from '../../../../src/server/process/pty/pty-binding.ts';
import type { NativeHost } from '../../../../src/system/native-module.ts';

describe('ptyUnavailable', () => {
  let directory: string;
  let host: NativeHost;

  // A complete installation of empty files: the answer loads nothing.
  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'pty-binding-test-')));
    file('package.json', '{"name":"exec-server"}');
    file('node_modules/@koromix/koffi-linux-x64/linux_x64/koffi.node');
    file('node_modules/@lydell/node-pty/index.js');
    file('node_modules/@lydell/node-pty-darwin-arm64/pty.node');
    host = {
      platform: 'linux',
      arch: 'x64',
      program: file('node', '\x7fELF … /lib64/ld-linux-x86-64.so.2'),
      file: file('dist/exec-server.cjs'),
    };
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const file = (name: string, text = ''): string => {
    const path = join(directory, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, text);
    return path;
  };

  const onMac = () => ({ ...host, platform: 'darwin', arch: 'arm64' });

  it('is undefined if the package and its binary are installed', () => {
    expect([ptyUnavailable(host), ptyUnavailable(onMac())]).to.deep.equal([undefined, undefined]);
  });

  it('names the package that is not installed', () => {
    rmSync(join(directory, 'node_modules'), { recursive: true });
    expect([ptyUnavailable(host), ptyUnavailable(onMac())]).to.deep.equal([
      'the optional package @koromix/koffi-linux-x64 is not installed',
      'the optional package @lydell/node-pty is not installed',
    ]);
  });

  it('reports a copy outside of the package, even if a directory above it has the package', () => {
    expect(ptyUnavailable({ ...host, file: file('exec-server.cjs') })).to.equal(
      '@koromix/koffi-linux-x64 is loaded only from where exec-server is installed: this is a copy of its file',
    );
  });

  it('reports a platform without a binary', () => {
    expect(ptyUnavailable({ ...onMac(), arch: 'x64' })).to.equal(
      'the optional package @lydell/node-pty-darwin-x64 is not installed',
    );
    expect(ptyUnavailable({ ...host, arch: 'riscv64' })).to.equal(
      'the C library is called on Linux on x64 and arm64 only, this is linux-riscv64',
    );
  });

  it('reports musl', () => {
    const program = file('musl-node', '\x7fELF … /lib/ld-musl-x86_64.so.1');
    expect(ptyUnavailable({ ...host, program })).to.equal(
      'the binary of @koromix/koffi-linux-x64 needs glibc, and this system has musl',
    );
  });
});
