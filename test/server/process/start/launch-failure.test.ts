import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ExecServerError } from '../../../../src/protocol/errors.ts';
import { launch } from '../../../../src/server/process/start/launch.ts';
import { explainLaunchFailure } from '../../../../src/server/process/start/launch-failure.ts';
import { describeTooLong } from '../../../../src/server/process/start/too-long.ts';
import type { Env, PathOrigin } from '../../../../src/shared-config/index.ts';

type Argv = readonly [string, ...string[]];

const reported = (error: unknown) => {
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

  describe('after a real failure on POSIX', () => {
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

    /** The error of a start that fails. */
    const failure = async (...args: Parameters<typeof start>) => {
      try {
        process.kill((await start(...args)).pid, 'SIGKILL');
      } catch (error) {
        return reported(error);
      }
      throw new Error('it started');
    };

    it('reports that cwd does not exist, even if the program does not either', async () => {
      const cwd = join(directory, 'missing');
      const expected = { message: `cwd does not exist: ${cwd}`, stage: 'cwd', errno: 'ENOENT', path: cwd };
      expect(await failure(['/bin/sh'], {}, cwd)).to.deep.equal(expected);
      expect(await failure(['no-such-program'], {}, cwd)).to.deep.equal(expected);
    });

    it('reports that cwd is a file', async () => {
      const cwd = place('file', '');
      expect(await failure(['/bin/sh'], {}, cwd)).to.deep.equal({
        message: `cwd is not a directory: ${cwd}`,
        stage: 'cwd',
        errno: 'ENOTDIR',
        path: cwd,
      });
    });

    it('reports that cwd cannot be entered', async function () {
      // root can enter any directory.
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

    it('reports where a missing program was searched', async () => {
      expect(await failure(['no-such-program'], { PATH: '/usr/bin:/bin' })).to.deep.equal({
        message: 'program not found: no-such-program (searched /usr/bin:/bin)',
        stage: 'resolve',
        errno: 'ENOENT',
        path: 'no-such-program',
        searchedPath: ['/usr/bin', '/bin'],
      });
    });

    it('reports the default PATH if PATH is not set', async () => {
      expect(await failure(['no-such-program'])).to.deep.equal({
        message: 'program not found: no-such-program (searched /bin:/usr/bin)',
        stage: 'resolve',
        errno: 'ENOENT',
        path: 'no-such-program',
        searchedPath: ['/bin', '/usr/bin'],
      });
      expect(await start(['true'])).to.have.property('pid');
    });

    it('reports an empty PATH, which means cwd', async () => {
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

    it('resolves relative entries of PATH from cwd, as the process would', async () => {
      mkdirSync(join(directory, 'bin'));
      const path = place('bin/tool', '');
      expect(await failure(['tool'], { PATH: '/usr/bin::bin' })).to.deep.include({
        stage: 'permission',
        path,
        searchedPath: ['/usr/bin', '', 'bin'],
      });
    });

    it('reports that a program is not executable', async () => {
      const path = place('tool', '#!/bin/sh\n');
      const expected = { message: `${path} is not executable`, stage: 'permission', errno: 'EACCES', path };
      expect(await failure([path])).to.deep.equal(expected);
      expect(await failure(['./tool'])).to.deep.equal(expected);
      expect(await failure(['tool'], { PATH: directory })).to.deep.equal({
        ...expected,
        searchedPath: [directory],
      });
    });

    it('reports that a directory is not executable', async () => {
      expect(await failure([directory])).to.deep.equal({
        message: `${directory} is not executable`,
        stage: 'permission',
        errno: 'EACCES',
        path: directory,
      });
    });

    it('does not search a program name with a slash', async () => {
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

    it('distinguishes a missing interpreter from a missing script', async () => {
      const path = place('lacks-interpreter', '#!/no/such/interpreter\n', 0o755);
      expect(await failure([path])).to.deep.equal({
        message: `${path} exists, but its interpreter /no/such/interpreter does not exist`,
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

    it('reports an interpreter that is not executable, by its path', async () => {
      const interpreter = place('interpreter', '#!/bin/sh\n');
      const path = place('script', `#! ${interpreter} -x\n`, 0o755);
      expect(await failure([path])).to.deep.equal({
        message: `${path} exists, but its interpreter ${interpreter} is not executable`,
        stage: 'permission',
        errno: 'EACCES',
        path,
      });
    });

    it('reports that a file with a slash after its name was not found', async () => {
      expect(await failure(['/bin/sh/'])).to.deep.equal({
        message: 'program not found: /bin/sh/',
        stage: 'resolve',
        errno: 'ENOENT',
        path: '/bin/sh/',
      });
    });

    it('reports the error of the system for anything else', async () => {
      const longerThanAllowed = 'x'.repeat(4 * 1024 * 1024);
      expect(await failure(['/bin/echo', longerThanAllowed])).to.deep.equal({
        message: `cannot start /bin/echo: E2BIG: ${describeTooLong({ argv: ['/bin/echo', longerThanAllowed], cwd: directory, env: {}, platform: process.platform })}`,
        stage: 'spawn',
        errno: 'E2BIG',
        path: '/bin/echo',
      });
    });
  });

  describe('for any platform', () => {
    const cause = (code?: string): NodeJS.ErrnoException =>
      Object.assign(new Error('spawn failed'), code !== undefined && { code });

    it('keeps the cause, with or without a code', async () => {
      const unforeseen = cause();
      const attempt = { argv: ['tool'] as const, cwd: directory, env: {}, platform: process.platform };
      const error = explainLaunchFailure(unforeseen, attempt);
      expect(error.cause).to.equal(unforeseen);
      expect(reported(error)).to.deep.equal({
        message: 'cannot start tool: UNKNOWN',
        stage: 'spawn',
        errno: 'UNKNOWN',
        path: 'tool',
      });
    });

    const onWindows = async (program: string, env: Env) =>
      reported(
        explainLaunchFailure(cause('ENOENT'), {
          argv: [program],
          cwd: directory,
          env,
          platform: 'win32',
        }),
      );

    const notFound = async (pathFrom: PathOrigin, env: Env = { PATH: '/no/such' }, program = 'tool') =>
      reported(
        explainLaunchFailure(cause('ENOENT'), {
          argv: [program],
          cwd: directory,
          env,
          platform: 'linux',
          pathFrom,
        }),
      );

    it('reports the step of the policy that set PATH', async () => {
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

    it('reports why there is no PATH', async () => {
      const pathFrom = { outcome: 'removed', by: 'exclude', pattern: 'P*', base: 'process' } as const;
      expect(await notFound(pathFrom, {}, 'no-such-tool')).to.deep.include({
        message:
          'program not found: no-such-tool (searched /bin:/usr/bin by default; PATH removed by exclude pattern P*)',
        pathFrom,
      });
    });

    it('omits the origin of PATH if none is searched, and from the message if the client set it', async () => {
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
      it(`searches ${name} on Windows, in upper or lower case and separated by semicolons`, async () => {
        expect(await onWindows('tool', { [name]: 'C:\\bin;D:\\my tools' })).to.deep.equal({
          message: 'program not found: tool (searched C:\\bin;D:\\my tools)',
          stage: 'resolve',
          errno: 'ENOENT',
          path: 'tool',
          searchedPath: ['C:\\bin', 'D:\\my tools'],
        });
      });
    }

    it('searches nothing on Windows without a PATH', async () => {
      expect(await onWindows('tool', {})).to.deep.equal({
        message: 'program not found: tool (searched an empty PATH)',
        stage: 'resolve',
        errno: 'ENOENT',
        path: 'tool',
        searchedPath: [],
      });
    });

    for (const program of ['.\\tool', 'bin/tool', 'C:\\tool.exe']) {
      it(`does not search ${program} on Windows`, async () => {
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
