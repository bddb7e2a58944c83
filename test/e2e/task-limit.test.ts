import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { NOBODY_UID } from '../support/accounts.ts';
import { RawClient } from './support/raw-client.ts';
import { createTestDirectories, type TestDirectories } from './support/sandboxes.ts';

const PATH = '/usr/bin:/bin';

// The limit does not apply to root, so the server runs as another account.
(process.platform === 'linux' && process.getuid?.() === 0 ? describe : describe.skip)(
  'a server at the process limit of its user',
  () => {
    let directories: TestDirectories;
    let client: RawClient;

    beforeEach(async () => {
      directories = createTestDirectories(true);
      client = await RawClient.open({ argv: directories.server });
      await start('cat', { argv: ['cat'], pipeStdin: true });
      // cat is the last process within the limit.
      const account = ['--reuid', String(NOBODY_UID), '--regid', String(NOBODY_UID), '--clear-groups'];
      execFileSync('setpriv', [...account, 'prlimit', '--pid', String(client.server.pid), '--nproc=1:']);
    });

    afterEach(async () => {
      await client.close();
      directories.remove();
    });

    const start = (processId: string, more: object) =>
      client.request('process/start', { processId, cwd: directories.project, env: { PATH }, ...more });
    const expectEcho = async () => {
      const chunk = Buffer.from('hello').toString('base64');
      await client.request('process/write', { processId: 'cat', chunk });
      await client.waitFor('the echo', ({ params }) => params?.chunk === chunk);
    };

    it('answers file and HTTP requests, and its processes keep running', async () => {
      const { dataBase64 } = await client.request('fs/readFile', { path: '/proc/sys/kernel/ostype' });
      expect(Buffer.from(dataBase64, 'base64').toString()).to.equal('Linux\n');
      const url = 'http://localhost:1/';
      const http = await client.ask('http/request', { method: 'GET', url, headers: [], requestId: 'r' });
      expect(http.error?.data).to.include({ kind: 'httpFailed' });
      await expectEcho();
    });

    for (const [title, more] of Object.entries({
      'on pipes': {},
      'on a terminal': { tty: true },
      'with the environment of a login': { env: undefined, envPolicy: { base: 'login' } },
    })) {
      it(`refuses a start ${title} with the reason`, async () => {
        const refused = await start('p', { argv: ['true'], ...more }).catch(error => error.answer);
        expect(refused.data).to.deep.equal({
          kind: 'launchFailed',
          stage: 'spawn',
          errno: 'EAGAIN',
          path: 'true',
        });
        expect(refused.message).to.contain('(ulimit -u)');
        await expectEcho();
      });
    }
  },
);
