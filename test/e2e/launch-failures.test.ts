import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ptyUnavailable } from '../../src/server/process/pty/pty-binding.ts';
import { RawClient } from './support/raw-client.ts';
import { readOnly, sandboxUnavailable } from './support/sandboxes.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';
const LONGEST_ARGUMENT = 128 * 1024 - 1;

(process.platform === 'linux' ? describe : describe.skip)('a start that the system refuses', () => {
  let client: RawClient;
  let directory: string;

  before(async () => {
    directory = realpathSync(mkdtempSync('/var/tmp/launch-failures-test-'));
    client = await RawClient.open();
  });
  after(async () => {
    await client.close();
    rmSync(directory, { recursive: true });
  });

  const script = (name: string, text: string, mode = 0o755): string => {
    const path = join(directory, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };

  const kinds: Array<[title: string, fields: () => object]> = [
    ['on pipes', () => ({})],
    ...(ptyUnavailable() === undefined
      ? [['on a terminal', () => ({ tty: true })] as [string, () => object]]
      : []),
    ...(sandboxUnavailable() === undefined
      ? [['in a sandbox', () => ({ sandbox: readOnly(directory) })] as [string, () => object]]
      : []),
  ];

  for (const [title, fields] of kinds) {
    const failure = async (argv: string[], more: object = {}) => {
      const params = { processId: 'x', argv, cwd: directory, env: { PATH }, ...fields(), ...more };
      const { stage, errno } = (await client.ask('process/start', params)).error?.data ?? {};
      return `${stage} ${errno}`;
    };

    it(`is a launchFailed with the stage and the error, never an exit code, ${title}`, async () => {
      const plain = script('plain', '#!/bin/sh\n', 0o644);
      const most = Array(47).fill('x'.repeat(LONGEST_ARGUMENT));
      expect({
        'a slash after the name': await failure(['/bin/sh/', '-c', 'exit 1']),
        'a directory': await failure([directory]),
        'no execute permission': await failure([plain]),
        'an interpreter without execute permission': await failure([script('closed', `#!${plain}\n`)]),
        'an interpreter that is a directory': await failure([script('odd', `#! ${directory} -x\n`)]),
        'no interpreter': await failure([script('orphan', '#!/missing\n')]),
        'too many arguments': await failure(['/bin/true', ...most]),
      }).to.deep.equal({
        'a slash after the name': 'resolve ENOENT',
        'a directory': 'permission EACCES',
        'no execute permission': 'permission EACCES',
        'an interpreter without execute permission': 'permission EACCES',
        'an interpreter that is a directory': 'permission EACCES',
        'no interpreter': 'spawn ENOENT',
        'too many arguments': 'spawn E2BIG',
      });
    });
  }

  for (const [title, fields] of kinds.filter(([name]) => name !== 'in a sandbox')) {
    it(`is a launchFailed for errors that only the system can detect, ${title}`, async () => {
      const loop = script('loop', `#!${join(directory, 'loop')}\n`);
      const busy = join(directory, 'busy');
      copyFileSync('/bin/true', busy);
      const writing = openSync(busy, 'r+');
      const failure = async (path: string) => {
        const params = { processId: 'x', argv: [path], cwd: directory, env: { PATH }, ...fields() };
        const { message, data } = (await client.ask('process/start', params)).error ?? {};
        return [message, data];
      };
      const launchFailed = (errno: string, path: string) => ({
        kind: 'launchFailed',
        stage: 'spawn',
        errno,
        path,
      });
      expect([await failure(loop), await failure(busy)]).to.deep.equal([
        [`cannot start ${loop}: ELOOP`, launchFailed('ELOOP', loop)],
        [
          `cannot start ${busy}: ETXTBSY: another process has the file open for writing`,
          launchFailed('ETXTBSY', busy),
        ],
      ]);
      closeSync(writing);
    });
  }
});
