import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { currentHost } from '../../src/server/index.ts';
import { ptyUnavailable } from '../../src/server/process/pty/pty-binding.ts';
import { descendantsOf, readProc } from '../../src/system/process-table.ts';
import { makeHome, removeHome } from '../server/environment/login/support/homes.ts';
import { filesForAnyShell, shellNames } from '../server/environment/login/support/shells.ts';
import { programPath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';
import { readOnly, requireSandbox } from './support/sandboxes.ts';
import { waitForNoSurvivorsIn } from './support/survivors.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';
const INHERITED = [3, 9, 20, 40];

/** The command line of a server that inherits the descriptors INHERITED. */
const serverWithMore = (file: string, rest = [process.execPath, programPath, '--stdio']) => {
  const redirections = INHERITED.map(fd => `${fd}<"$0"`).join(' ');
  return ['bash', '-c', `exec ${redirections}; exec "$@"`, file, ...rest] as const;
};

const FORKED = `
const stdio = ['inherit', 'inherit', 'inherit', ...Array(27).fill('ignore'), 'ipc'];
require('node:child_process').spawn(process.execPath, process.argv.slice(1), { stdio })
  .on('exit', code => process.exit(code));`;

const SHOW = ['ls', '-l', '/proc/self/fd'];

/** The descriptors in the output of `ls -l /proc/self/fd`, without that of the directory itself. */
const parseDescriptors = (output: Buffer): number[] =>
  [...output.toString().matchAll(/ (\d+) -> (.*?)\r?$/gm)]
    .filter(([, , target = '']) => !/^\/proc\/\d+\/fd$/.test(target))
    .map(([, fd]) => Number(fd));

/** The open descriptors of a running process, each with its target. */
const openIn = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/fd`).map(fd => `${fd} ${readlinkSync(`/proc/${pid}/fd/${fd}`)}`);

(process.platform === 'linux' && ptyUnavailable() === undefined ? describe : describe.skip)(
  'a child process',
  () => {
    let cwd: string;
    let file: string;
    let client: RawClient;

    beforeEach(async () => {
      cwd = realpathSync(mkdtempSync(join(tmpdir(), 'descriptors-test-')));
      file = join(cwd, 'inherited');
      mkdirSync(file);
      client = await RawClient.open({ argv: serverWithMore(file) });
    });

    afterEach(async () => {
      await client.close();
      await waitForNoSurvivorsIn(cwd);
      rmSync(cwd, { recursive: true });
    });

    const start = (processId: string, argv: readonly string[], more: object = {}) =>
      client.request('process/start', { processId, argv, cwd, env: { PATH }, ...more });
    const show = async (processId: string, more?: object): Promise<number[]> => {
      await start(processId, SHOW, more);
      const { stdout, pty } = await client.finished(processId);
      return parseDescriptors(Buffer.concat([stdout, pty]));
    };
    const type = (processId: string, text: string) =>
      client.request('process/write', { processId, chunk: Buffer.from(text).toString('base64') });

    it('has descriptors 0, 1 and 2 only, on pipes and on terminals, next to other processes', async () => {
      for (const id of ['terminal 1', 'terminal 2']) await start(id, ['cat'], { tty: true });
      await start('pipes', ['cat'], { pipeStdin: true });
      expect(await show('on pipes')).to.deep.equal([0, 1, 2]);
      expect(await show('with stdin', { pipeStdin: true })).to.deep.equal([0, 1, 2]);
      expect(await show('on a terminal', { tty: true })).to.deep.equal([0, 1, 2]);
    });

    it('has no other descriptors if the server has an IPC channel', async () => {
      const node = [process.execPath, '-e', FORKED, programPath, '--stdio'];
      const below = await RawClient.open({ argv: serverWithMore(file, node) });
      for (const tty of [false, true]) {
        const processId = `tty ${tty}`;
        await below.request('process/start', { processId, argv: SHOW, cwd, env: { PATH }, tty });
        const { stdout, pty } = await below.finished(processId);
        expect(parseDescriptors(Buffer.concat([stdout, pty])), processId).to.deep.equal([0, 1, 2]);
      }
      await below.close();
    });

    it('cannot write to the terminal of another one', async () => {
      await start('first', ['cat'], { tty: true });
      const script = 'for ((fd = 3; fd < 64; fd++)); do printf "typed\\n" >&$fd; done 2>/dev/null';
      await start('second', ['bash', '-c', script], { tty: true });
      await client.finished('second');
      await type('first', 'own\n\x04');
      expect((await client.finished('first')).pty.toString()).to.equal('own\r\nown\r\n');
    });

    it('has descriptors 0, 1 and 2 only in a sandbox', async function () {
      requireSandbox(this);
      await start('terminal', ['cat'], { tty: true });
      const sandbox = readOnly(cwd);
      expect(await show('on pipes', { sandbox })).to.deep.equal([0, 1, 2]);
      expect(await show('on a terminal', { sandbox, tty: true })).to.deep.equal([0, 1, 2]);
    });

    it('has no other descriptors as sandboxed file server or watchdog', async function () {
      requireSandbox(this);
      await start('terminal', ['cat'], { tty: true });
      await client.request('fs/readDirectory', { path: `file://${cwd}`, sandbox: readOnly(cwd) });
      const below = descendantsOf(Number(client.server.pid), readProc());
      const inherited = below.flatMap(pid =>
        openIn(pid).filter(open => open.endsWith(file) || open.endsWith('ptmx')),
      );
      expect([below.length > 3, inherited]).to.deep.equal([true, []]);
    });

    const shell = basename(currentHost(process.env, () => {}).loginShell ?? 'none');
    (['sh', ...shellNames].includes(shell) ? it : it.skip)(
      'has no other descriptors as login shell',
      async () => {
        const list = join(cwd, 'list');
        const home = makeHome(filesForAnyShell(() => [`ls -l /proc/self/fd >'${list}'`]));
        const env = { ...process.env, HOME: home };
        const loginClient = await RawClient.open({ argv: serverWithMore(file), env });
        const terminal = { processId: 'terminal', argv: ['cat'], cwd, env: {}, tty: true };
        await loginClient.request('process/start', terminal);
        const login = { processId: 'login', argv: ['true'], cwd, envPolicy: { base: 'login' } };
        await loginClient.request('process/start', login);
        expect(readFileSync(list, 'utf8')).not.to.match(/inherited|ptmx|pts/);
        await loginClient.close();
        removeHome(home);
      },
    );
  },
);

(process.platform === 'linux' ? describe : describe.skip)('the limit of open files of a process', () => {
  it('is the hard limit of the server, to which Node raises the soft one, and can be lowered by the command', async () => {
    const client = await RawClient.open({
      argv: [
        'sh',
        '-c',
        'ulimit -n 500; ulimit -Sn 300; exec "$@"',
        'sh',
        process.execPath,
        programPath,
        '--stdio',
      ],
    });
    const limitOf = async (processId: string, script: string) => {
      const argv = ['sh', '-c', script];
      await client.request('process/start', { processId, argv, cwd: '/', env: { PATH } });
      return (await client.finished(processId)).stdout.toString();
    };
    expect(await limitOf('inherited', 'ulimit -Sn; ulimit -Hn')).to.equal('500\n500\n');
    expect(await limitOf('lowered', "ulimit -Sn 300; exec sh -c 'ulimit -Sn'")).to.equal('300\n');
    await client.close();
  });
});
