import {
  chmodSync,
  chownSync,
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { attributeAccess } from '../../src/system/extended-attributes.ts';
import { NOBODY_UID } from '../support/accounts.ts';
import { aclOf, requireAcl, setAcl } from '../support/acl.ts';
import { programPath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';

const NEW = Buffer.from('new').toString('base64');

/** A capability set as the system stores it: version 2, CAP_NET_RAW permitted and effective. */
const CAPABILITIES = Buffer.from('0100000200200000000000000000000000000000', 'hex');

describe('an atomic write', () => {
  let directory: string;
  let client: RawClient;
  const at = (name: string) => join(directory, name);

  before(function () {
    if (process.platform !== 'linux') this.skip();
  });
  beforeEach(function () {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-')));
    requireAcl(this, directory);
    writeFileSync(at('f'), 'old');
  });
  afterEach(async () => {
    await client?.close();
    rmSync(directory, { recursive: true });
  });

  const writeWhole = (more: object = {}) =>
    client.ask('fs/writeFile', { path: at('f'), dataBase64: NEW, atomic: true, ...more });

  const writeInBlocks = async (more: object = {}) => {
    await client.request('fs/open', {
      handleId: 'h',
      path: at('f'),
      mode: 'replace',
      atomic: true,
      ...more,
    });
    await client.request('fs/writeBlock', { handleId: 'h', offset: 0, chunk: NEW });
    return client.ask('fs/close', { handleId: 'h' });
  };

  const withAttributes = async <Result>(
    act: (access: NonNullable<ReturnType<typeof attributeAccess>>, descriptor: number) => Promise<Result>,
  ): Promise<Result> => {
    const access = attributeAccess();
    if (access === undefined) throw new Error('no access to extended attributes');
    const descriptor = openSync(at('f'), 'r');
    try {
      return await act(access, descriptor);
    } finally {
      closeSync(descriptor);
    }
  };

  const refusal = (property: string) => ({
    code: -32600,
    message: `${pathToFileURL(at('f')).href}: an atomic write cannot keep ${property}; write it without atomic`,
    data: { kind: 'fileRefused', reason: 'attributes', path: pathToFileURL(at('f')).href },
  });

  describe('by the installed server', () => {
    beforeEach(async function () {
      if (attributeAccess() === undefined) return this.skip();
      client = await RawClient.open();
    });

    for (const [form, write] of [
      ['fs/writeFile', writeWhole],
      ['fs/open', writeInBlocks],
    ] as const) {
      it(`keeps an access control list, whose group has less access than the mode shows (${form})`, async () => {
        chmodSync(at('f'), 0o660);
        setAcl(at('f'), 'group::---', `user:${NOBODY_UID}:rw`);
        const before = [aclOf(at('f')), statSync(at('f')).mode & 0o7777];
        expect(before[1], 'the mask').to.equal(0o660);
        expect((await write()).error).to.equal(undefined);
        expect([
          readFileSync(at('f'), 'utf8'),
          aclOf(at('f')),
          statSync(at('f')).mode & 0o7777,
        ]).to.deep.equal(['new', ...before]);
      });

      it(`takes no access control list from the directory (${form})`, async () => {
        chmodSync(at('f'), 0o640);
        setAcl(directory, `default:user:${NOBODY_UID}:rwx`);
        const before = aclOf(at('f'));
        expect((await write()).error).to.equal(undefined);
        expect([readFileSync(at('f'), 'utf8'), aclOf(at('f'))]).to.deep.equal(['new', before]);
      });

      it(`sets fileMode like chmod(1), which changes the mask (${form})`, async () => {
        setAcl(at('f'), 'group::r--', `user:${NOBODY_UID}:rw`);
        expect((await write({ fileMode: 0o640 })).error).to.equal(undefined);
        const written = aclOf(at('f'));
        chmodSync(at('f'), 0o640);
        expect(written).to.deep.equal(aclOf(at('f')));
        expect(written).to.include('mask::r--');
      });
    }

    it('keeps owner, extended attributes and capabilities', async function () {
      if (process.getuid?.() !== 0) this.skip();
      chownSync(at('f'), 54_321, 54_322);
      chmodSync(at('f'), 0o2755);
      const before = await withAttributes(async (access, descriptor) => {
        await access.set(descriptor, 'user.origin', Buffer.from('https://example.org/'));
        await access.set(descriptor, 'user.long', Buffer.alloc(2000, 'x'));
        await access.set(descriptor, 'security.capability', CAPABILITIES);
        return access.read(descriptor);
      });
      expect([...before.keys()].sort()).to.deep.equal(['security.capability', 'user.long', 'user.origin']);
      expect((await writeWhole()).error).to.equal(undefined);
      const { uid, gid, mode } = statSync(at('f'));
      expect([readFileSync(at('f'), 'utf8'), uid, gid, mode & 0o7777]).to.deep.equal([
        'new',
        54_321,
        54_322,
        0o2755,
      ]);
      expect(await withAttributes((access, descriptor) => access.read(descriptor))).to.deep.equal(before);
    });

    it('keeps what was changed between fs/open and fs/close', async () => {
      await client.request('fs/open', { handleId: 'h', path: at('f'), mode: 'replace', atomic: true });
      chmodSync(at('f'), 0o600);
      setAcl(at('f'), `user:${NOBODY_UID}:r`);
      const changed = aclOf(at('f'));
      expect((await client.ask('fs/close', { handleId: 'h' })).error).to.equal(undefined);
      expect([readFileSync(at('f'), 'utf8'), aclOf(at('f'))]).to.deep.equal(['', changed]);
    });
  });

  it('refuses to lose capabilities, which only root can set', async function () {
    if (process.getuid?.() !== 0 || attributeAccess() === undefined) this.skip();
    chownSync(directory, NOBODY_UID, NOBODY_UID);
    chownSync(at('f'), NOBODY_UID, NOBODY_UID);
    await withAttributes((access, descriptor) => access.set(descriptor, 'security.capability', CAPABILITIES));
    const identity = [`--reuid=${NOBODY_UID}`, `--regid=${NOBODY_UID}`, '--clear-groups'];
    client = await RawClient.open({
      argv: ['setpriv', ...identity, process.execPath, programPath, '--stdio'],
      env: { ...process.env, HOME: directory },
    });
    for (const write of [
      writeWhole,
      () => client.ask('fs/open', { handleId: 'h', path: at('f'), mode: 'replace', atomic: true }),
    ]) {
      expect((await write()).error).to.deep.equal(
        refusal('its extended attribute security.capability (EPERM)'),
      );
      expect([readFileSync(at('f'), 'utf8'), readdirSync(directory)]).to.deep.equal(['old', ['f']]);
    }
  });

  describe('by a copy of the server, which cannot read access control lists', () => {
    beforeEach(async () => {
      mkdirSync(at('copy'));
      cpSync(programPath, at('copy/exec-server.cjs'));
      client = await RawClient.open({ argv: [process.execPath, at('copy/exec-server.cjs'), '--stdio'] });
    });

    it('is refused if its group may have less access than the mode shows', async () => {
      chmodSync(at('f'), 0o660);
      setAcl(at('f'), 'group::---', `user:${NOBODY_UID}:rw`);
      const before = aclOf(at('f'));
      const { error } = await writeWhole();
      expect(error).to.deep.equal(refusal('an access control list, which it may have'));
      expect([readFileSync(at('f'), 'utf8'), aclOf(at('f')), readdirSync(directory).sort()]).to.deep.equal([
        'old',
        before,
        ['copy', 'f'],
      ]);
    });

    it('replaces a file whose group has no more access than all users, or with fileMode', async () => {
      for (const [mode, more] of [
        [0o644, {}],
        [0o600, {}],
        [0o755, {}],
        [0o664, { fileMode: 0o664 }],
      ] as const) {
        chmodSync(at('f'), mode);
        expect((await writeWhole(more)).error, mode.toString(8)).to.equal(undefined);
        expect(statSync(at('f')).mode & 0o7777).to.equal(mode);
      }
    });
  });
});
