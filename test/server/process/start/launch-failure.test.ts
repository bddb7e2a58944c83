import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ExecServerError } from '../../../../src/protocol/errors.ts';
import { launch } from '../../../../src/server/process/start/launch.ts';
import { explainLaunchFailure } from '../../../../src/server/process/start/launch-failure.ts';
import type { Env, PathOrigin } from '../../../../src/shared-config/index.ts';

type Argv = readonly [string, ...string[]];

const told = (error: unknown) => {
  expect(error).to.be.instanceOf(ExecServerError);
  const { code, kind, message, data } = error as ExecServerError;
  expect({ code, kind, inData: data.kind }).to.deep.equal({
    code: -32603,
    kind: 'launchFailed',
    inData: 'launchFailed',
  });
  const { kind: _, ...rest } = data;
  return { message, ...rest };
};

describe('explainLaunchFailure', () => {
  let directory: string;

  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-')));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const place = (name: string, text: string, mode = 0o644): string => {
    const path = join(directory, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };

  describe('after a real failure on posix', () => {
    before(function () {
      if (process.platform === 'win32') this.skip();
    });

    const start = (argv: Argv, env: Env = {}, cwd = directory) =>
      launch(
        {
          argv,
          arg0: undefined,
          cwd,
          env,
          pipeStdin: false,
          mergeStderr: false,
          detached: true,
          platform: process.platform,
        },
        undefined,
      );

    /** What is told of a start that must fail. */
    const failure = async (...args: Parameters<typeof start>) => {
      try {
        process.kill((await start(...args)).pid, 'SIGKILL');
      } catch (error) {
        return told(error);
      }
      throw new Error('it started');
    };

    it('tells that cwd does not exist, even where the program does not either', async () => {
      const cwd = join(directory, 'missing');
      const expected = { message: `cwd does not exist: ${cwd}`, stage: 'cwd', errno: 'ENOENT', path: cwd };
      expect(await failure(['/bin/sh'], {}, cwd)).to.deep.equal(expected);
      expect(await failure(['no-such-program'], {}, cwd)).to.deep.equal(expected);
    });

    it('tells that cwd is a file', async () => {
      const cwd = place('file', '');
      expect(await failure(['/bin/sh'], {}, cwd)).to.deep.equal({
        message: `cwd is not a directory: ${cwd}`,
        stage: 'cwd',
        errno: 'ENOTDIR',
        path: cwd,
      });
    });

    it('tells that cwd can not be entered', async function () {
      // Nothing is closed to root.
      if (process.geteuid?.() === 0) this.skip();
      const cwd = join(directory, 'closed');
      mkdirSync(cwd, { mode: 0o600 });
      expect(await failure(['/bin/sh'], {}, cwd)).to.deep.equal({
        message: `cwd cannot be entered (EACCES): ${cwd}`,
        stage: 'cwd',
        errno: 'EACCES',
        path: cwd,
      });
    });

    it('tells where a missing program was looked for', async () => {
      expect(await failure(['no-such-program'], { PATH: '/usr/bin:/bin' })).to.deep.equal({
        message: 'program not found: no-such-program (searched /usr/bin:/bin)',
        stage: 'resolve',
        errno: 'ENOENT',
        path: 'no-such-program',
        searchedPath: ['/usr/bin', '/bin'],
      });
    });

    it('tells where the system looks when PATH is not set', async () => {
      expect(await failure(['no-such-program'])).to.deep.equal({
        message: 'program not found: no-such-program (searched /bin:/usr/bin)',
        stage: 'resolve',
        errno: 'ENOENT',
        path: 'no-such-program',
        searchedPath: ['/bin', '/usr/bin'],
      });
      expect(await start(['true'])).to.have.property('pid');
    });

    it('tells that PATH is empty, which means cwd', async () => {
      expect(await failure(['no-such-program'], { PATH: '' })).to.deep.equal({
        message: 'program not found: no-such-program (searched an empty PATH)',
        stage: 'resolve',
        errno: 'ENOENT',
        path: 'no-such-program',
        searchedPath: [''],
      });
      const path = place('tool', '');
      expect(await failure(['tool'], { PATH: '' })).to.deep.equal({
        message: `${path} is not executable`,
        stage: 'permission',
        errno: 'EACCES',
        path,
        searchedPath: [''],
      });
    });

    it('looks where the process would: in relative entries of PATH from its cwd', async () => {
      mkdirSync(join(directory, 'bin'));
      const path = place('bin/tool', '');
      expect(await failure(['tool'], { PATH: '/usr/bin::bin' })).to.deep.include({
        stage: 'permission',
        path,
        searchedPath: ['/usr/bin', '', 'bin'],
      });
    });

    it('tells that a program is not executable', async () => {
      const path = place('tool', '#!/bin/sh\n');
      const expected = { message: `${path} is not executable`, stage: 'permission', errno: 'EACCES', path };
      expect(await failure([path])).to.deep.equal(expected);
      expect(await failure(['./tool'])).to.deep.equal(expected);
      expect(await failure(['tool'], { PATH: directory })).to.deep.equal({
        ...expected,
        searchedPath: [directory],
      });
    });

    it('tells that a directory is not executable', async () => {
      expect(await failure([directory])).to.deep.equal({
        message: `${directory} is not executable`,
        stage: 'permission',
        errno: 'EACCES',
        path: directory,
      });
    });

    it('looks nowhere else for a program name with a slash', async () => {
      place('file', '');
      for (const program of ['./missing', 'missing/', '/no/such/program', 'file/program']) {
        expect(await failure([program], { PATH: '/bin' })).to.deep.equal({
          message: `program not found: ${program}`,
          stage: 'resolve',
          errno: 'ENOENT',
          path: program,
        });
      }
    });

    it('tells a script whose interpreter is missing from a script that is', async () => {
      const path = place('lacks-interpreter', '#!/no/such/interpreter\n', 0o755);
      expect(await failure([path])).to.deep.equal({
        message: `${path} exists, but its interpreter does not`,
        stage: 'spawn',
        errno: 'ENOENT',
        path,
      });
      expect(await failure(['lacks-interpreter'], { PATH: `/bin:${directory}` })).to.deep.include({
        stage: 'spawn',
        path,
        searchedPath: ['/bin', directory],
      });
    });

    it('tells what the system says of anything else', async () => {
      const longerThanAllowed = 'x'.repeat(4 * 1024 * 1024);
      expect(await failure(['/bin/echo', longerThanAllowed])).to.deep.equal({
        message: 'cannot start /bin/echo: E2BIG',
        stage: 'spawn',
        errno: 'E2BIG',
        path: '/bin/echo',
      });
    });
  });

  describe('for any platform', () => {
    const cause = (code?: string): NodeJS.ErrnoException =>
      Object.assign(new Error('spawn failed'), code !== undefined && { code });

    it('keeps the cause, and does with one that has no code', async () => {
      const unforeseen = cause();
      const attempt = { argv: ['tool'] as const, cwd: directory, env: {}, platform: process.platform };
      const error = explainLaunchFailure(unforeseen, attempt);
      expect(error.cause).to.equal(unforeseen);
      expect(told(error)).to.deep.equal({
        message: 'cannot start tool: UNKNOWN',
        stage: 'spawn',
        errno: 'UNKNOWN',
        path: 'tool',
      });
    });

    const onWindows = async (program: string, env: Env) =>
      told(
        explainLaunchFailure(cause('ENOENT'), {
          argv: [program],
          cwd: directory,
          env,
          platform: 'win32',
        }),
      );

    const notFound = async (pathFrom: PathOrigin, env: Env = { PATH: '/no/such' }, program = 'tool') =>
      told(
        explainLaunchFailure(cause('ENOENT'), {
          argv: [program],
          cwd: directory,
          env,
          platform: 'linux',
          pathFrom,
        }),
      );

    it('tells which step of the policy made the PATH', async () => {
      const pathFrom = { outcome: 'set', by: 'overlay', base: 'login' } as const;
      expect(await notFound(pathFrom)).to.deep.equal({
        message: 'program not found: tool (searched /no/such; PATH set by the overlay)',
        stage: 'resolve',
        errno: 'ENOENT',
        path: 'tool',
        searchedPath: ['/no/such'],
        pathFrom,
      });
    });

    it('tells why there is no PATH', async () => {
      const pathFrom = { outcome: 'removed', by: 'exclude', pattern: 'P*', base: 'process' } as const;
      expect(await notFound(pathFrom, {}, 'no-such-tool')).to.deep.include({
        message:
          'program not found: no-such-tool (searched /bin:/usr/bin by default; PATH removed by exclude pattern P*)',
        pathFrom,
      });
    });

    it('tells nothing of the PATH where none is searched, and in words nothing that the client knows', async () => {
      const sent = { outcome: 'set', by: 'overlay' } as const;
      expect(await notFound(sent)).to.deep.include({
        message: 'program not found: tool (searched /no/such)',
        pathFrom: sent,
      });
      expect(await notFound(sent, {}, '/no/such/tool')).to.deep.equal({
        message: 'program not found: /no/such/tool',
        stage: 'resolve',
        errno: 'ENOENT',
        path: '/no/such/tool',
      });
    });

    for (const name of ['PATH', 'Path', 'path']) {
      it(`looks along ${name} on windows, in any case and divided by semicolons`, async () => {
        expect(await onWindows('tool', { [name]: 'C:\\bin;D:\\my tools' })).to.deep.equal({
          message: 'program not found: tool (searched C:\\bin;D:\\my tools)',
          stage: 'resolve',
          errno: 'ENOENT',
          path: 'tool',
          searchedPath: ['C:\\bin', 'D:\\my tools'],
        });
      });
    }

    it('looks along nothing on windows without a PATH', async () => {
      expect(await onWindows('tool', {})).to.deep.equal({
        message: 'program not found: tool (searched an empty PATH)',
        stage: 'resolve',
        errno: 'ENOENT',
        path: 'tool',
        searchedPath: [],
      });
    });

    for (const program of ['.\\tool', 'bin/tool', 'C:\\tool.exe']) {
      it(`looks nowhere else for ${program} on windows`, async () => {
        expect(await onWindows(program, { PATH: 'C:\\bin' })).to.deep.equal({
          message: `program not found: ${program}`,
          stage: 'resolve',
          errno: 'ENOENT',
          path: program,
        });
      });
    }
  });
});
