import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import type { ExecServerError } from '../../../../src/protocol/errors.ts';
import { parse } from '../../../../src/protocol/parse.ts';
import { processStart } from '../../../../src/protocol/process.ts';
import { currentHost } from '../../../../src/server/environment/host.ts';
import type { BaseEnv } from '../../../../src/server/environment/login/base-env.ts';
import type { Child } from '../../../../src/server/process/child.ts';
import { ptyUnavailable } from '../../../../src/server/process/pty/pty-binding.ts';
import { type StartContext, startChild } from '../../../../src/server/process/start/start-child.ts';
import { Sandboxes } from '../../../../src/server/sandbox/sandboxes.ts';
import { Lazy } from '../../../../src/system/lazy.ts';
import { releaseAll } from '../../../../src/system/pinned-file.ts';
import { until } from '../../../support/until.ts';
import { childrenHere } from '../../../system/support/children.ts';
import { openLinks } from '../../support/descriptors.ts';
import { textOf } from '../support/text-of.ts';

/** The paths of the streams that other processes may have open. */
const pathsOf = (child: Pick<Child, 'pinStreams'>): string[] => {
  const pinned = child.pinStreams();
  releaseAll(pinned);
  return pinned.map(({ path }) => path);
};

const PATH = process.env.PATH ?? '/usr/bin:/bin';

(process.platform === 'linux' ? describe : describe.skip)('startChild', () => {
  let cwd: string;

  beforeEach(() => {
    cwd = realpathSync(mkdtempSync(join(tmpdir(), 'start-child-test-')));
  });

  afterEach(() => rmSync(cwd, { recursive: true }));

  const host = currentHost({ PATH, FROM_HOST: 'host', MY_TOKEN: 'planted' }, () => {});
  const NEVER = () => Promise.reject(new Error('not expected to be called'));

  const start = (request: object, context: Partial<StartContext> = {}) =>
    startChild(parse(processStart.params, { processId: 'p', argv: ['true'], cwd, env: {}, ...request }), {
      host,
      serverEnv: (context.host ?? host).env,
      pipes: undefined,
      detached: true,
      baseEnv: NEVER,
      snapshots: new Lazy(NEVER),
      sandboxes: new Sandboxes(host),
      wait: something => something,
      ...context,
    });

  const failure = async (request: object, context?: Partial<StartContext>) => {
    try {
      await start(request, context);
    } catch (error) {
      const { message, data } = error as ExecServerError;
      return { message, data };
    }
    throw new Error('expected the start to fail');
  };

  /** Complete output of a child, after it has closed its streams. */
  const written = async ({ outputs, onExit }: Child) => {
    const exit = new Promise(resolve => onExit((code, signal) => resolve(signal ?? code)));
    const { stdout, stderr, pty } = outputs;
    const read = await Promise.all([stdout, stderr, pty].map(stream => (stream ? textOf(stream) : '')));
    return { out: read.join(''), exit: await exit };
  };

  /** The env of a child, sorted, and the rest of the answer. */
  const variables = async (request: object, context?: Partial<StartContext>) => {
    const { child, ...rest } = await start({ argv: ['/usr/bin/env'], ...request }, context);
    return { env: (await written(child)).out.split('\n').filter(Boolean).toSorted(), ...rest };
  };

  describe('on pipes', () => {
    it('runs the program with its arguments in cwd', async () => {
      const argv = ['sh', '-c', 'pwd; echo "$0 $1"; exit 7', 'a b', '*'];
      const { child, sandboxType } = await start({ argv, env: { PATH } });
      expect([sandboxType, await written(child)]).to.deep.equal([
        'none',
        { out: `${cwd}\na b *\n`, exit: 7 },
      ]);
    });

    it('accepts cwd as a file: URI', async () => {
      const { child } = await start({ argv: ['/bin/pwd'], cwd: pathToFileURL(cwd).href });
      expect((await written(child)).out).to.equal(`${cwd}\n`);
    });

    it('starts the program under the name arg0', async () => {
      const { child } = await start({ argv: ['/bin/sh', '-c', 'echo "$0"'], arg0: 'my sh' });
      expect((await written(child)).out).to.equal('my sh\n');
    });

    it('opens a pipe for stdin only with pipeStdin', async () => {
      const without = (await start({ argv: ['/bin/cat'] })).child;
      const { child } = await start({ argv: ['/bin/cat'], pipeStdin: true });
      child.stdin?.end('in');
      const both = await Promise.all([written(without), written(child)]);
      expect([without.stdin, ...both]).to.deep.equal([null, { out: '', exit: 0 }, { out: 'in', exit: 0 }]);
    });

    for (const tty of ptyUnavailable() === undefined ? [false, true] : [false]) {
      it(`waits for a file that is open for writing${tty ? ', on a terminal' : ''}`, async () => {
        const program = join(cwd, 'program');
        copyFileSync('/bin/true', program);
        const writing = openSync(program, 'r+');
        const starting = start({ argv: [program], tty });
        closeSync(writing);
        expect((await written((await starting).child)).exit).to.equal(0);
      });
    }

    it('has started before the caller continues', async () => {
      const before = childrenHere();
      const starting = start({ argv: ['/bin/cat'], pipeStdin: true });
      // A descriptor of an earlier test may be closed at the same time.
      const added = childrenHere().filter(pid => !before.includes(pid));
      const { child } = await starting;
      child.stdin?.end();
      await written(child);
      expect(added.length).to.equal(1);
    });
  });

  describe('env', () => {
    it('is exact without a policy', async () => {
      expect(await variables({ env: { ONE: '1', MY_TOKEN: 'given' } })).to.deep.equal({
        env: ['MY_TOKEN=given', 'ONE=1'],
        sandboxType: 'none',
        environment: { kept: 0, removed: 0, set: 2 },
        envBase: undefined,
      });
    });

    it('is that of the host with policy and overlay applied', async () => {
      const { env, environment } = await variables({
        envPolicy: { exclude: ['NOTHING'], set: { SET: 's' } },
        env: { FROM_HOST: null, ADDED: 'a' },
      });
      expect(env).to.deep.equal(['ADDED=a', `PATH=${PATH}`, `PWD=${cwd}`, 'SET=s']);
      // PATH is kept; the token and the names that the overlay unsets are removed.
      expect(environment).to.deep.equal({ kept: 1, removed: 2, set: 3 });
    });

    for (const tty of ptyUnavailable() === undefined ? [false, true] : [false]) {
      it(`has no withheld name, whatever sets it, ${tty ? 'on a terminal' : 'on pipes'}`, async () => {
        const secrets = { OPENAI_IDENTITY_TOKEN_FILE: '/secret', openai_federation_rule_id: 'secret' };
        const withSecrets = { host: currentHost({ PATH, ...secrets }, () => {}) };
        const names = async (request: object) => {
          const { env } = await variables({ tty, ...request }, withSecrets);
          return env.map(line => line.trimEnd().replace(/=.*/, '')).filter(name => name !== 'TERM');
        };
        const envPolicy = { ignoreDefaultExcludes: true, set: secrets };
        expect(await names({ envPolicy, env: { ...secrets, PWD: null } })).to.deep.equal(['PATH']);
        expect(await names({ env: { ...secrets, ONE: '1' } })).to.deep.equal(['ONE']);
      });
    }

    it('has the ids of metadata, which decides about them alone', async () => {
      const withIds = {
        host: currentHost({ CODEX_THREAD_ID: 'host', CODEX_TOOL_CALL_ID: 'host' }, () => {}),
      };
      const env = { CODEX_THREAD_ID: 'env', CODEX_TOOL_CALL_ID: 'env' };
      const ids = async (request: object) =>
        (await variables(request, withIds)).env.filter(line => line.startsWith('CODEX_'));
      expect(await ids({ envPolicy: {} })).to.deep.equal(['CODEX_THREAD_ID=host']);
      expect(await ids({ envPolicy: {}, metadata: { toolCallId: 'call' } })).to.deep.equal([
        'CODEX_TOOL_CALL_ID=call',
      ]);
      expect(await ids({ env, metadata: { threadId: 'thread', toolCallId: null } })).to.deep.equal([
        'CODEX_THREAD_ID=thread',
      ]);
      expect(await ids({ env, metadata: null })).to.deep.equal([
        'CODEX_THREAD_ID=env',
        'CODEX_TOOL_CALL_ID=env',
      ]);
    });

    it('starts from the base of the policy and reports it', async () => {
      const asked: string[] = [];
      const baseEnv = async (base: string): Promise<BaseEnv> => {
        asked.push(base);
        return {
          env: { PATH, FROM_LOGIN: 'login' },
          base: 'login',
          attempts: [{ base: 'login', outcome: 'resolved', durationMs: 1 }],
        };
      };
      const { env, envBase } = await variables({ envPolicy: { base: 'login' } }, { baseEnv });
      await variables({ envPolicy: { base: 'process' } }, { baseEnv });
      expect({ env, asked, base: envBase?.base }).to.deep.equal({
        env: ['FROM_LOGIN=login', `PATH=${PATH}`, `PWD=${cwd}`],
        asked: ['login'],
        base: 'login',
      });
    });

    it('has the given cwd as PWD with its links, and no OLDPWD, if a policy builds it', async () => {
      symlinkSync(cwd, join(cwd, 'link'));
      const link = join(cwd, 'link');
      const from = { host: { ...host, env: { PATH, PWD: '/elsewhere', OLDPWD: '/before' } } };
      const directories = async (request: object) =>
        (await variables({ cwd: link, ...request }, from)).env.filter(text => /^(OLD)?PWD=/.test(text));
      expect([
        await directories({ envPolicy: {} }),
        await directories({ envPolicy: {}, cwd: pathToFileURL(link).href }),
        await directories({ envPolicy: {}, env: { PWD: '/asked', OLDPWD: '/too' } }),
        await directories({ envPolicy: { set: { PWD: '/set' } } }),
        await directories({ envPolicy: { exclude: ['PWD'] } }),
        await directories({ envPolicy: { inherit: 'core' } }),
        await directories({ env: { OLDPWD: '/exact' } }),
      ]).to.deep.equal([
        [`PWD=${link}`],
        [`PWD=${link}`],
        ['OLDPWD=/too', 'PWD=/asked'],
        ['PWD=/set'],
        [],
        [],
        ['OLDPWD=/exact'],
      ]);
    });

    it('delays the start, which does not happen if it is cancelled', async () => {
      const cancelled = new Error('cancelled');
      const baseEnv = async () => {
        await nextTurn();
        throw cancelled;
      };
      const argv = ['/bin/sh', '-c', ': > started'];
      const outcome = await start({ argv, envPolicy: { base: 'login' } }, { baseEnv }).catch(error => error);
      expect([outcome, readdirSync(cwd)]).to.deep.equal([cancelled, []]);
    });
  });

  (ptyUnavailable() === undefined ? describe : describe.skip)('on a terminal', () => {
    const stty = async (request: object) => {
      const { child } = await start({
        argv: ['sh', '-c', 'stty size; tty'],
        env: { PATH },
        tty: true,
        ...request,
      });
      const { out } = await written(child);
      return { child, lines: out.split('\r\n') };
    };

    it('has 80 columns and 24 rows, or the requested size', async () => {
      const { lines } = await stty({});
      const wide = await stty({ size: { columns: 120, rows: 40 } });
      expect([lines[0], wide.lines[0]]).to.deep.equal(['24 80', '40 120']);
    });

    it('has one stream, pinned by its path', async () => {
      const { child, lines } = await stty({});
      expect([Object.keys(child.outputs), child.terminal?.path]).to.deep.equal([['pty'], lines[1]]);
    });

    it('handles a Ctrl-C right after the start, 100 times of 100', async () => {
      const exits: unknown[] = [];
      for (let run = 0; run < 100; run += 1) {
        const { child } = await start({ argv: ['/bin/sleep', '600'], tty: true });
        child.stdin?.write('\x03');
        exits.push((await written(child)).exit);
      }
      expect(exits.filter(exit => exit !== 'SIGINT')).to.deep.equal([]);
    });

    it('receives input, is resized, and is closed by a cut', async () => {
      const before = openLinks().length;
      const argv = ['sh', '-c', 'read line; echo "got $line"; stty size; exec sleep 600'];
      const { child } = await start({ argv, env: { PATH }, tty: true });
      let out = '';
      child.outputs.pty?.on('data', chunk => {
        out += chunk;
      });
      const exit = new Promise(resolve => child.onExit((code, signal) => resolve(signal ?? code)));
      child.resize({ columns: 33, rows: 11 });
      child.stdin?.write('x\n');
      await until(() => /got x\r\n11 33/.test(out), 'the child has not answered');
      const own = pathsOf(child);
      child.cut();
      // From now on another terminal may have the path.
      expect([own, pathsOf(child), child.terminal?.isOpen()]).to.deep.equal([
        [child.terminal?.path],
        [],
        false,
      ]);
      expect(await exit).to.equal('SIGHUP');
      await until(() => openLinks().length <= before, 'a descriptor is still open');
    });
  });

  describe('refuses', () => {
    const refusals: Array<[what: string, request: object, message: RegExp, data: object]> = [
      [
        'mergeStderr with tty',
        { tty: true, mergeStderr: true },
        /^mergeStderr: not supported with tty, which has one output stream$/,
        { kind: 'unsupported', field: 'mergeStderr' },
      ],
      [
        'managed networking',
        { enforceManagedNetwork: true },
        /^enforceManagedNetwork: managed networking is not supported by this server$/,
        { kind: 'unsupported', field: 'enforceManagedNetwork' },
      ],
      ['a relative directory', { cwd: 'here' }, /^cwd: expected /, { kind: 'invalidParams', field: 'cwd' }],
    ];
    for (const [what, request, message, data] of refusals) {
      it(what, async () => {
        const refused = await failure(request);
        expect(refused.message).to.match(message);
        expect(refused.data).to.deep.equal(data);
      });
    }

    it('a missing program and a missing directory, and leaves no descriptor open', async () => {
      const before = openLinks().length;
      const tty = ptyUnavailable() === undefined ? [false, true] : [false];
      for (const each of tty) {
        const program = await failure({ argv: ['/none/such'], tty: each });
        const directory = await failure({ cwd: join(cwd, 'none'), tty: each });
        expect([program, directory].map(({ data }) => [data.kind, data.stage, data.errno])).to.deep.equal([
          ['launchFailed', 'resolve', 'ENOENT'],
          ['launchFailed', 'cwd', 'ENOENT'],
        ]);
      }
      await until(() => openLinks().length <= before, 'a descriptor is still open');
    });
  });
});
