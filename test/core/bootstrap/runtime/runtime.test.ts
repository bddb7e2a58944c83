import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { HostFacts } from '../../../../src/core/bootstrap/host-facts.ts';
import { runtimeFor } from '../../../../src/core/bootstrap/runtime/runtime.ts';
import { stripElf } from '../../../../src/core/bootstrap/runtime/strip-elf.ts';

const HOST: HostFacts = {
  os: 'Linux',
  machine: 'x86_64',
  libc: { name: 'glibc', version: '2.36' },
  unpackers: ['gzip'],
};

describe('runtimeFor', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'exec-server-runtime-'));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const given = (content: Buffer | string | undefined, facts = HOST) => {
    const runtimeFile = join(directory, 'given');
    if (content !== undefined) writeFileSync(runtimeFile, content);
    return runtimeFor(facts, {
      runtimeFile,
      cacheDirectory: join(directory, 'cache'),
      env: process.env,
    });
  };

  const refused = async (content: Buffer | string | undefined, facts = HOST): Promise<string> => {
    const result = await given(content, facts);
    return 'unavailable' in result ? result.unavailable.replaceAll(directory, '') : 'sent';
  };

  const ADVICE = 'install Node there, or specify a Node for that host with --runtime FILE';

  describe('with --runtime refuses', () => {
    for (const [title, content, problem] of [
      ['a missing file', undefined, '--runtime: cannot read /given: no such file or directory'],
      [
        'an archive',
        Buffer.alloc(100, '\xfd7zXZ', 'latin1'),
        '--runtime: expected a Node for the host; /given is not an executable of Linux or macOS',
      ],
      [
        'a short file',
        'node',
        '--runtime: expected a Node for the host; /given is not an executable of Linux or macOS',
      ],
      [
        'an executable for another processor',
        elf(183),
        '--runtime: expected a Node for the host; /given is for Linux on arm64, and the host is Linux on x86_64',
      ],
      [
        'an executable of macOS',
        Buffer.concat([Buffer.from('cffaedfe07000001', 'hex'), Buffer.alloc(100)]),
        '--runtime: expected a Node for the host; /given is for Darwin on x64, and the host is Linux on x86_64',
      ],
    ] as const) {
      it(title, async () => {
        expect(await refused(content)).to.equal(`no Node to send: ${problem}; ${ADVICE}`);
      });
    }
  });

  it('sends the file of --runtime to a host of another kind than this machine', async () => {
    const facts: HostFacts = { ...HOST, machine: 'aarch64', libc: { name: 'musl' }, unpackers: [] };
    const content = elf(183);
    const runtime = await given(content, facts);
    if ('unavailable' in runtime) throw new Error(runtime.unavailable);
    const digest = createHash('sha256').update(stripElf(content)).digest('hex');
    expect({ ...runtime, open: undefined }).to.deep.include({
      name: `node-custom-${digest.slice(0, 16)}`,
      digest,
      packing: 'none',
    });
    expect(await buffer(runtime.open())).to.deep.equal(stripElf(content));
  });

  it('packs a file again if the packed one was changed', async () => {
    const packed = async () => {
      const runtime = await given(elf(62));
      if ('unavailable' in runtime) throw new Error(runtime.unavailable);
      return gunzipSync(await buffer(runtime.open()));
    };
    const before = await packed();
    const cache = join(directory, 'cache/packed');
    const [key = ''] = readdirSync(cache);
    const file = join(cache, key, 'node.packed');
    writeFileSync(file, readFileSync(file).fill(0, 20, 24));
    expect(await packed()).to.deep.equal(before);
  });

  for (const [title, facts, reason] of [
    ['musl', { libc: { name: 'musl' } }, 'Node needs glibc, and the host has musl'],
    ['no libc', { libc: undefined }, 'Node needs glibc, which was not found on the host'],
    [
      'an old glibc',
      { libc: { name: 'glibc', version: '2.17' } },
      'Node needs glibc 2.28 or later, and the host has 2.17',
    ],
    ['another processor', { machine: 'riscv64' }, 'there is no build of Node for Linux on riscv64'],
    ['another system', { os: 'FreeBSD', machine: 'amd64' }, 'there is no build of Node for FreeBSD on amd64'],
  ] as const) {
    it(`refuses a host with ${title}`, async () => {
      const client = { cacheDirectory: join(directory, 'cache'), env: process.env };
      const { libc, ...host } = { ...HOST, ...facts };
      expect(await runtimeFor({ ...host, ...(libc && { libc }) }, client)).to.deep.equal({
        unavailable: `${reason}; ${ADVICE}`,
      });
    });
  }
});

/** The header of an executable of Linux for a processor, without program headers, and some content. */
function elf(machine: number): Buffer {
  const file = Buffer.alloc(0x100, 1);
  file.fill(0, 0, 0x40);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(file);
  file.writeUInt16LE(machine, 0x12);
  file.writeBigUInt64LE(0x40n, 0x20);
  return file;
}
