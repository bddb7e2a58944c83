import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { ExecServerError } from '../../../../src/protocol/errors.ts';
import type { Child, Output } from '../../../../src/server/process/child.ts';
import { type LaunchPlan, launch } from '../../../../src/server/process/start/launch.ts';
import { NamedPipes } from '../../../../src/system/named-pipes.ts';
import { until } from '../../../support/until.ts';
import { childrenHere } from '../../../system/support/children.ts';
import { openBelow, openLinks } from '../../support/descriptors.ts';
import { textOf } from '../support/text-of.ts';

const plan = (argv: LaunchPlan['argv'], changes: Partial<LaunchPlan> = {}): LaunchPlan => ({
  argv,
  arg0: undefined,
  cwd: '/',
  env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
  detached: true,
  platform: process.platform,
  pipeStdin: false,
  mergeStderr: false,
  ...changes,
});

const shell = (script: string, changes?: Partial<LaunchPlan>) => plan(['/bin/sh', '-c', script], changes);

/** Complete output and exit of a child. */
const finished = async ({ outputs, onExit }: Child) => {
  const exit = new Promise(resolve => onExit((code, signal) => resolve(signal ?? code)));
  const read = (stream: Output | null | undefined) => (stream ? textOf(stream) : null);
  const [stdout, stderr] = await Promise.all([read(outputs.stdout), read(outputs.stderr)]);
  return { stdout, stderr, exit: await exit };
};

const failure = async (promise: Promise<unknown>) => {
  try {
    await promise;
  } catch (error) {
    return (error as ExecServerError).data;
  }
  throw new Error('expected the start to fail');
};

(process.platform === 'linux' ? describe : describe.skip)('launch', () => {
  let tempDir: string;
  let named: NamedPipes;

  before(() => {
    tempDir = realpathSync(mkdtempSync(join(tmpdir(), 'launch-test-')));
    named = new NamedPipes(tempDir, () => {});
  });

  after(async () => {
    await named.dispose();
    rmSync(tempDir, { recursive: true });
  });

  const kinds: Array<[name: string, pipes: () => NamedPipes | undefined]> = [
    ['named pipes', () => named],
    ["Node's pipes", () => undefined],
  ];
  for (const [name, pipes] of kinds) {
    describe(`on ${name}`, () => {
      it('keeps stdin, stdout and stderr apart', async () => {
        const child = await launch(shell('cat; echo error >&2; exit 3', { pipeStdin: true }), pipes());
        child.stdin?.end('input\n');
        expect(await finished(child)).to.deep.equal({ stdout: 'input\n', stderr: 'error\n', exit: 3 });
      });

      it('uses the null device as stdin unless a pipe is requested', async () => {
        const child = await launch(shell('readlink /proc/self/fd/0; cat'), pipes());
        expect([child.stdin, await finished(child)]).to.deep.equal([
          null,
          { stdout: '/dev/null\n', stderr: '', exit: 0 },
        ]);
      });

      it('transfers more than a pipe holds, in both directions', async () => {
        const child = await launch(plan(['cat'], { pipeStdin: true }), pipes());
        const input = 'x'.repeat(3 * 1024 * 1024);
        child.stdin?.end(input);
        const { stdout, stderr, exit } = await finished(child);
        expect([stdout === input, stderr, exit]).to.deep.equal([true, '', 0]);
      });

      it('starts the program under the name arg0', async () => {
        const plain = await launch(shell('echo "$0"'), pipes());
        const renamed = await launch(shell('echo "$0"', { arg0: 'my shell' }), pipes());
        const both = await Promise.all([finished(plain), finished(renamed)]);
        expect(both.map(({ stdout }) => stdout)).to.deep.equal(['/bin/sh\n', 'my shell\n']);
      });

      it('starts it with exactly the env and the directory of the plan', async () => {
        const child = await launch(plan(['/usr/bin/env'], { env: { A: '1' }, cwd: tempDir }), pipes());
        const where = await launch(plan(['/bin/pwd'], { cwd: tempDir }), pipes());
        const [env, pwd] = await Promise.all([finished(child), finished(where)]);
        expect([env.stdout, pwd.stdout]).to.deep.equal(['A=1\n', `${tempDir}\n`]);
      });

      it('makes it the leader of a process group if detached', async () => {
        const script =
          'read -r _ _ _ _ group _ </proc/$$/stat; [ "$group" = $$ ] && echo leads || echo follows';
        const apart = await finished(await launch(shell(script), pipes()));
        const along = await finished(await launch(shell(script, { detached: false }), pipes()));
        expect([apart.stdout, along.stdout]).to.deep.equal(['leads\n', 'follows\n']);
      });

      it('reports the signal that ended it', async () => {
        expect(await finished(await launch(shell('kill -KILL $$'), pipes()))).to.deep.equal({
          stdout: '',
          stderr: '',
          exit: 'SIGKILL',
        });
      });

      it('gives the child its three streams and nothing else', async () => {
        const list = ['/bin/ls', '/proc/self/fd'] as const;
        const before = execFileSync(list[0], [list[1]], { encoding: 'utf8' });
        const child = await launch(plan([...list], { pipeStdin: true }), pipes());
        const { stdout } = await finished(child);
        child.cut();
        expect(stdout).to.equal(before);
      });

      it('leaves no descriptor open after a failed start', async () => {
        const before = openLinks().length;
        const input = { pipeStdin: true };
        const tooLong = 'x'.repeat(1024 * 1024);
        const failures = [
          await failure(launch(plan(['no-such-program'], input), pipes())),
          await failure(launch(plan(['/bin/true'], { ...input, cwd: '/no/such/directory' }), pipes())),
          // `spawn` itself throws this error.
          await failure(launch(plan(['/bin/true', tooLong], input), pipes())),
        ];
        await until(() => openLinks().length <= before, 'a descriptor is still open');
        const what = failures.map(({ kind, stage, errno }) => ({ kind, stage, errno }));
        expect([what, openBelow(tempDir)]).to.deep.equal([
          [
            { kind: 'launchFailed', stage: 'resolve', errno: 'ENOENT' },
            { kind: 'launchFailed', stage: 'cwd', errno: 'ENOENT' },
            { kind: 'launchFailed', stage: 'spawn', errno: 'E2BIG' },
          ],
          [],
        ]);
      });

      it('fails if all directories of PATH are longer than a path may be', async () => {
        // The C library skips them all and sets no error, as if the child ran.
        for (const PATH of ['x'.repeat(4096), `${'x'.repeat(4096)}:${'y'.repeat(5000)}`]) {
          const { stage, errno } = await failure(launch(plan(['true'], { env: { PATH } }), pipes()));
          expect([stage, errno]).to.deep.equal(['resolve', 'ENOENT']);
        }
        const PATH = `${'x'.repeat(4096)}:/usr/bin:/bin`;
        const { exit } = await finished(await launch(plan(['true'], { env: { PATH } }), pipes()));
        expect(exit).to.equal(0);
      });

      it('leaves no descriptor open after the exit', async () => {
        const before = openLinks().length;
        const children = await Promise.all(
          Array.from({ length: 20 }, () => launch(shell('cat', { pipeStdin: true }), pipes())),
        );
        for (const { stdin } of children) stdin?.end();
        await Promise.all(children.map(finished));
        await until(() => openLinks().length <= before, 'a descriptor is still open');
        expect(openBelow(tempDir)).to.deep.equal([]);
      });

      it('cuts streams that another process holds; a second cut has no effect', async () => {
        const before = openLinks().length;
        const child = await launch(shell('sleep 600 & echo $!', { pipeStdin: true }), pipes());
        const exit = new Promise(resolve => child.onExit(resolve));
        const [printed] = await once(child.outputs.stdout?.resume() as Output, 'data');
        const pid = Number(printed);
        await exit;
        child.cut();
        child.cut();
        await until(() => openLinks().length <= before, 'a descriptor is still open');
        process.kill(pid, 'SIGKILL');
        expect(openBelow(tempDir)).to.deep.equal([]);
      });
    });
  }

  it('starts a child before the first await', async () => {
    const before = childrenHere();
    const starts = [
      launch(shell('read line', { pipeStdin: true }), named),
      launch(plan(['cat'], { pipeStdin: true }), named),
    ];
    // A descriptor of an earlier test may be closed at the same time.
    const added = childrenHere().filter(pid => !before.includes(pid));
    const exits = await Promise.all(
      starts.map(async start => {
        const child = await start;
        child.stdin?.end();
        return (await finished(child)).exit;
      }),
    );
    expect([added.length, exits]).to.deep.equal([2, [1, 0]]);
  });

  it('merges stderr into stdout in the order of the writes', async () => {
    const script = 'for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done';
    const child = await launch(shell(script, { mergeStderr: true }), named);
    const lines = Array.from({ length: 9 }, (_, at) => `out ${at + 1}\nerr ${at + 1}\n`).join('');
    expect(await finished(child)).to.deep.equal({ stdout: lines, stderr: null, exit: 0 });
  });

  it('refuses to merge without named pipes, with the reason', async () => {
    const nowhere = new NamedPipes(join(tempDir, 'missing'), () => {});
    const merged = (pipes: NamedPipes | undefined) =>
      failure(launch(shell('exit', { mergeStderr: true, pipeStdin: true }), pipes));
    expect([await merged(undefined), await merged(nowhere)]).to.deep.equal([
      { kind: 'unsupported', field: 'mergeStderr' },
      { kind: 'unsupported', field: 'mergeStderr' },
    ]);
  });

  it("uses Node's pipes if named pipes are not available", async () => {
    const nowhere = new NamedPipes(join(tempDir, 'missing'), () => {});
    const child = await launch(shell('cat; echo error >&2', { pipeStdin: true }), nowhere);
    child.stdin?.end('input');
    expect([child.pinStreams(), await finished(child)]).to.deep.equal([
      [],
      { stdout: 'input', stderr: 'error\n', exit: 0 },
    ]);
  });
});
