import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ptyUnavailable } from '../../src/server/process/pty/pty-binding.ts';
import { RawClient } from './support/raw-client.ts';
import { readOnly, sandboxUnavailable } from './support/sandboxes.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';

(process.platform === 'linux' ? describe : describe.skip)('PWD', () => {
  let directory: string;
  let link: string;
  before(() => {
    directory = realpathSync(mkdtempSync('/var/tmp/pwd-test-'));
    link = join(directory, 'link');
    symlinkSync('.', link);
  });
  after(() => rmSync(directory, { recursive: true }));

  it('is the cwd of a process with a policy, on pipes, on a terminal and in a sandbox', async () => {
    const client = await RawClient.open({ env: { PATH, PWD: '/', OLDPWD: '/root' } });
    const printed = async (processId: string, more: object) => {
      await client.request('process/start', {
        processId,
        argv: ['/usr/bin/env'],
        cwd: link,
        envPolicy: { exclude: ['PATH'] },
        ...more,
      });
      const { stdout, pty } = await client.finished(processId);
      return `${stdout}${pty}`.trimEnd();
    };
    expect(await printed('pipes', {})).to.equal(`PWD=${link}`);
    expect(await printed('exact', { envPolicy: undefined, env: { PWD: '/exact' } })).to.equal('PWD=/exact');
    if (ptyUnavailable() === undefined) expect(await printed('tty', { tty: true })).to.equal(`PWD=${link}`);
    if (sandboxUnavailable() === undefined)
      expect(await printed('sandbox', { sandbox: readOnly(directory), cwd: directory })).to.equal(
        `PWD=${directory}`,
      );
    await client.close();
  });
});

(process.platform === 'linux' ? describe : describe.skip)('a cwd that is not UTF-8', () => {
  let client: RawClient;
  let parent: string;
  let uri: string;

  before(async () => {
    parent = realpathSync(mkdtempSync('/var/tmp/cwd-test-'));
    const path = Buffer.concat([Buffer.from(`${parent}/`), Buffer.from('d\xe9', 'latin1')]);
    mkdirSync(path);
    writeFileSync(Buffer.concat([path, Buffer.from('/here')]), '#!/bin/sh\necho "$0 ran"\n', { mode: 0o755 });
    uri = `file://${parent}/d%E9`;
    client = await RawClient.open({ env: { PATH, PWD: '/' } });
  });
  after(async () => {
    await client.close();
    rmSync(parent, { recursive: true });
  });

  for (const tty of [false, true]) {
    it(`is entered ${tty ? 'on a terminal' : 'on pipes'}, and leaves no descriptor`, async function () {
      if (tty && ptyUnavailable() !== undefined) this.skip();
      const printed = async (name: string, argv: string[]) => {
        const processId = `${name} ${tty}`;
        await client.request('process/start', { processId, argv, cwd: uri, tty, envPolicy: {} });
        const { stdout, pty } = await client.finished(processId);
        return Buffer.concat([stdout, pty]).toString('latin1').replaceAll('\r', '');
      };
      expect(await printed('pwd', ['/bin/pwd'])).to.equal(`${parent}/d\xe9\n`);
      expect(await printed('program', ['./here'])).to.equal('./here ran\n');
      expect(
        await printed('PWD', ['sh', '-c', 'env | grep -a ^PWD= | grep -c ^PWD=/$; ls -1 /proc/$$/fd']),
      ).to.match(/^0\n0\n1\n(?:10\n)?2\n$/);
      const { openDescriptors } = await client.request('server/status');
      for (let at = 0; at < 5; at += 1) await printed(`again ${at}`, ['true']);
      expect((await client.request('server/status')).openDescriptors).to.be.at.most(openDescriptors);
    });
  }

  it('is a launchFailed by its URI if it is missing, and refused with a sandbox', async () => {
    const failure = async (more: object) => {
      const { error } = await client.ask('process/start', {
        processId: 'x',
        argv: ['true'],
        cwd: uri,
        env: { PATH },
        ...more,
      });
      return [error?.message, error?.data?.kind];
    };
    expect(await failure({ cwd: `${uri}/missing` })).to.deep.equal([
      `cwd cannot be entered (ENOENT): ${uri}/missing`,
      'launchFailed',
    ]);
    expect(await failure({ sandbox: readOnly('/') })).to.deep.equal([
      'cwd: a path that is not UTF-8 is not supported with a sandbox',
      'unsupported',
    ]);
  });
});
