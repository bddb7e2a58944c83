import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from '../../../src/protocol/parse.ts';
import { Sandbox } from '../../../src/protocol/sandbox.ts';
import { currentHost } from '../../../src/server/environment/host.ts';
import { failureOf } from '../../../src/server/sandbox/bubblewrap.ts';
import { Sandboxes } from '../../../src/server/sandbox/sandboxes.ts';
import { requireSandbox } from '../../e2e/support/sandboxes.ts';

const sandbox = parse(Sandbox, {
  permissions: {
    type: 'managed',
    file_system: {
      type: 'restricted',
      entries: [{ path: { type: 'special', value: { kind: 'root' } }, access: 'read' }],
    },
    network: 'restricted',
  },
});

const refusal = async (act: () => unknown) => {
  try {
    await act();
    return undefined;
  } catch (error) {
    const { data, message } = error as { data: object; message: string };
    return { ...data, message };
  }
};

describe('Sandboxes', () => {
  const host = currentHost({ PATH: process.env.PATH }, () => {});

  for (const platform of ['darwin', 'win32'] as const) {
    it(`refuses a sandbox on ${platform}, with the reason`, async () => {
      const sandboxes = new Sandboxes({ ...host, platform, cwd: '/' });
      const reason = `sandboxes are not available on ${platform}: they require bubblewrap, which runs on Linux`;
      expect(sandboxes.unavailable).to.equal(reason);
      expect(await refusal(() => sandboxes.prepare(sandbox, undefined))).to.deep.equal({
        kind: 'unsupported',
        field: 'sandbox',
        message: `sandbox: ${reason}`,
      });
    });
  }

  it('renames the variables for bubblewrap, and puts no value on a command line', function () {
    requireSandbox(this);
    const start = new Sandboxes(host)
      .prepare(sandbox, '/')
      ?.start(['true'], { LD_PRELOAD: '/evil.so', A: 'planted' });
    expect(start?.env).to.deep.equal({ _0: 'LD_PRELOAD=/evil.so', _1: 'A=planted' });
    expect(start?.argv.join(' ')).not.to.match(/planted|evil/);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is for env
    expect(start?.argv.slice(-2)).to.deep.equal(['-S-i --default-signal -- ${_0} ${_1}', 'true']);
  });

  it('reports a failure of bubblewrap with its message, at stage sandbox', async function () {
    requireSandbox(this);
    const prepared = new Sandboxes(host).prepare(sandbox, '/', ['/missing/program']);
    expect(await refusal(() => prepared?.probe())).to.deep.equal({
      kind: 'launchFailed',
      stage: 'sandbox',
      errno: 'ENOENT',
      path: '/usr/bin/bwrap',
      message:
        "cannot create the sandbox: bwrap: Can't find source path /missing/program: No such file or directory",
    });
    expect(await refusal(() => new Sandboxes(host).prepare(sandbox, '/')?.probe())).to.equal(undefined);
  });

  it('prefers bubblewrap of the system to one in PATH', function () {
    requireSandbox(this);
    const directory = mkdtempSync(join(tmpdir(), 'sandboxes-test-'));
    try {
      writeFileSync(join(directory, 'bwrap'), '#!/bin/sh\nexit 0\n');
      chmodSync(join(directory, 'bwrap'), 0o755);
      const start = new Sandboxes(currentHost({ PATH: directory }, () => {}))
        .prepare(sandbox, '/')
        ?.start([], {});
      expect(start?.argv).not.to.include(join(directory, 'bwrap'));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  describe('with a directory that is replaced after it was resolved', () => {
    let base: string;

    before(function () {
      requireSandbox(this);
    });

    beforeEach(() => {
      base = realpathSync(mkdtempSync(join(tmpdir(), 'sandboxes-test-')));
      for (const directory of ['sub', 'sub/deep', 'outside', 'outside/deep'])
        mkdirSync(join(base, directory));
    });

    afterEach(() => rmSync(base, { recursive: true, force: true }));

    const prepare = () => {
      const entries = ['', 'sub/deep'].map(path => ({
        path: { type: 'path', path: join(base, path) },
        access: 'write',
      }));
      const permissions = {
        type: 'managed',
        file_system: { type: 'restricted', entries: [...permitted, ...entries] },
        network: 'restricted',
      };
      const prepared = new Sandboxes(host).prepare(parse(Sandbox, { permissions }), '/');
      if (prepared === undefined) throw new Error('expected a sandbox');
      return prepared;
    };
    const permitted = [{ path: { type: 'special', value: { kind: 'root' } }, access: 'read' }];

    it('fails if a link replaced it', async () => {
      const prepared = prepare();
      renameSync(join(base, 'sub'), join(base, 'old'));
      symlinkSync('outside', join(base, 'sub'));
      expect(await refusal(() => prepared.probe()))
        .to.include({ kind: 'launchFailed', stage: 'sandbox' })
        .and.to.have.property('message')
        .that.matches(/bwrap: (?:Race condition|Can't bind mount)/);
      prepared.release();
    });

    it('mounts the directory that was resolved, not the one that replaced it', async () => {
      const prepared = prepare();
      renameSync(join(base, 'sub'), join(base, 'old'));
      renameSync(join(base, 'outside'), join(base, 'sub'));
      expect(await failureOf(prepared.start(['touch', join(base, 'sub/deep/file')], {}))).to.equal(undefined);
      expect([readdirSync(join(base, 'sub/deep')), readdirSync(join(base, 'old/deep'))]).to.deep.equal([
        [],
        ['file'],
      ]);
      prepared.release();
    });

    it('has another key with the replacement', () => {
      const [first, same] = [prepare(), prepare()];
      renameSync(join(base, 'sub'), join(base, 'old'));
      renameSync(join(base, 'outside'), join(base, 'sub'));
      const other = prepare();
      expect([first.key === same.key, first.key === other.key]).to.deep.equal([true, false]);
      for (const prepared of [first, same, other]) prepared.release();
    });
  });
});
