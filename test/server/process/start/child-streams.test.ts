import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { expect } from 'chai';
import type { ExecServerError } from '../../../../src/protocol/errors.ts';
import type { Output } from '../../../../src/server/process/child.ts';
import { ChildStreams, type StreamPlan } from '../../../../src/server/process/start/child-streams.ts';
import { NamedPipes } from '../../../../src/system/named-pipes.ts';
import { releaseAll } from '../../../../src/system/pinned-file.ts';
import { until } from '../../../support/until.ts';
import { openBelow } from '../../support/descriptors.ts';
import { textOf } from '../support/text-of.ts';

const ALL: StreamPlan = { pipeStdin: true, mergeStderr: false };
const MERGED: StreamPlan = { pipeStdin: true, mergeStderr: true };
const NO_INPUT: StreamPlan = { pipeStdin: false, mergeStderr: false };

const complaint = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return (error as ExecServerError).message;
  }
  throw new Error('no complaint');
};

(process.platform === 'linux' ? describe : describe.skip)('ChildStreams', () => {
  let tempDir: string;
  let pipes: NamedPipes;

  beforeEach(() => {
    tempDir = realpathSync(mkdtempSync(join(tmpdir(), 'child-streams-test-')));
    pipes = new NamedPipes(tempDir, () => {});
  });

  afterEach(async () => {
    await pipes.dispose();
    rmSync(tempDir, { recursive: true });
    expect(openBelow(tempDir)).to.deep.equal([]);
  });

  /** The paths of the next streams. */
  const nextPaths = (count: number): string[] => {
    const all = Array.from({ length: count }, () => new ChildStreams(NO_INPUT, pipes));
    const paths = all.flatMap(({ stdio: [, ...outputs] }) =>
      outputs.map(fd => readlinkSync(`/proc/self/fd/${fd}`)),
    );
    for (const streams of all) streams.abandon();
    return paths;
  };

  /** A child that runs a script on these streams. */
  const started = (plan: StreamPlan, script: string) => {
    const streams = new ChildStreams(plan, pipes);
    const childs = streams.stdio.map(fd =>
      typeof fd === 'number' ? readlinkSync(`/proc/self/fd/${fd}`) : '',
    );
    const child: ChildProcess = spawn('sh', ['-c', script], { stdio: streams.stdio });
    const adopted = streams.adopt(child);
    const links = streams.stdio.flatMap((fd, at) => (typeof fd === 'number' ? [childs[at] as string] : []));
    const outputs = [adopted.outputs.stdout, adopted.outputs.stderr].filter(stream => stream != null);
    const closed = Promise.all(outputs.map(stream => once(stream, 'close')));
    const pinned = (): string[] => {
      const files = adopted.pinStreams();
      releaseAll(files);
      return files.map(({ path }) => path);
    };
    return { child, ended: once(child, 'exit'), closed, links, pinned, ...adopted };
  };

  describe('stdio', () => {
    it("requests Node's pipes without named pipes", () => {
      const nowhere = new NamedPipes(join(tempDir, 'missing'), () => {});
      const all = [undefined, nowhere].flatMap(none =>
        [ALL, NO_INPUT].map(plan => new ChildStreams(plan, none).stdio),
      );
      expect(all).to.deep.equal([
        ['pipe', 'pipe', 'pipe'],
        ['ignore', 'pipe', 'pipe'],
        ['pipe', 'pipe', 'pipe'],
        ['ignore', 'pipe', 'pipe'],
      ]);
    });

    it('has a descriptor for each stream, the same for merged streams', () => {
      const kinds = [ALL, NO_INPUT, MERGED].map(plan => {
        const streams = new ChildStreams(plan, pipes);
        const [stdin, stdout, stderr] = streams.stdio;
        streams.abandon();
        return [typeof stdin, typeof stdout, typeof stderr, stdout === stderr];
      });
      expect(kinds).to.deep.equal([
        ['number', 'number', 'number', false],
        ['string', 'number', 'number', false],
        ['number', 'number', 'number', true],
      ]);
    });
  });

  it('refuses to merge without named pipes, with the reason', () => {
    const nowhere = new NamedPipes(join(tempDir, 'missing'), () => {});
    expect(complaint(() => new ChildStreams(MERGED, undefined))).to.equal(
      'mergeStderr: not supported on this platform',
    );
    expect(complaint(() => new ChildStreams(MERGED, nowhere))).to.match(
      /^mergeStderr: no named pipes: ENOENT/,
    );
  });

  it('leaves no pipe open if it refuses', () => {
    // As if the descriptors ran out in between.
    pipes.forOutput = () => undefined;
    complaint(() => new ChildStreams(MERGED, pipes));
    expect(openBelow(tempDir)).to.deep.equal([]);
  });

  it('closes all pipes when it is abandoned, so that they are reused', () => {
    const paths = new Set<string>();
    for (let round = 0; round < 100; round += 1) {
      const streams = new ChildStreams(ALL, pipes);
      for (const fd of streams.stdio) paths.add(readlinkSync(`/proc/self/fd/${fd}`));
      streams.abandon();
    }
    expect([paths.size, openBelow(tempDir)]).to.deep.equal([3, []]);
  });

  it('pins the pipes that /proc lists for the child, and no others', async () => {
    const all = started(ALL, 'readlink /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2');
    all.outputs.stderr?.resume();
    const printed = (await textOf(all.outputs.stdout)).trim().split('\n');
    const merged = started(
      { pipeStdin: false, mergeStderr: true },
      'readlink /proc/self/fd/1 /proc/self/fd/2',
    );
    const [stdout, stderr] = (await textOf(merged.outputs.stdout)).trim().split('\n');
    await Promise.all([all.ended, merged.ended]);
    all.cut();
    await until(() => openBelow(tempDir).length === 0, 'a descriptor is still open');
    expect([all.links, merged.links, stderr]).to.deep.equal([printed, [stdout, stdout], stdout]);
  });

  it("keeps none of the child's ends open, so that their close is noticed", async () => {
    const { outputs, stdin, ended } = started(ALL, 'exit');
    const [stdout, stderr] = await Promise.all([textOf(outputs.stdout), textOf(outputs.stderr)]);
    await ended;
    stdin?.destroy();
    await until(() => openBelow(tempDir).length === 0, 'a descriptor is still open');
    expect([stdout, stderr]).to.deep.equal(['', '']);
  });

  it('lets a program open its streams by name, unlike sockets', async () => {
    const { outputs, stdin, ended } = started(
      ALL,
      'cat </dev/stdin >/dev/stdout; echo error >/dev/stderr; echo more >>/proc/self/fd/1',
    );
    stdin?.end('input\n');
    const [stdout, stderr] = await Promise.all([textOf(outputs.stdout), textOf(outputs.stderr)]);
    await ended;
    expect([stdout, stderr]).to.deep.equal(['input\nmore\n', 'error\n']);
  });

  it('pins only pipes that are open here: a pipe that has ended may be reused', async () => {
    const { child, outputs, links, pinned, closed } = started(NO_INPUT, 'exec 2>&-; exec sleep 600');
    const before = pinned();
    for (const stream of [outputs.stdout, outputs.stderr]) stream?.resume();
    await once(outputs.stderr as Output, 'close');
    const afterEnd = pinned();
    child.kill('SIGKILL');
    await closed;
    expect([before, afterEnd, pinned()]).to.deep.equal([links, links.slice(0, 1), []]);
  });

  it('reuses a pipe after its end', async () => {
    const { outputs, links, ended, closed } = started(NO_INPUT, 'echo x');
    for (const stream of [outputs.stdout, outputs.stderr]) stream?.resume();
    await Promise.all([ended, closed]);
    expect(nextPaths(1)).to.have.members(links);
  });

  it('does not reuse a pipe that was cut while it is held; its writer gets EPIPE', async () => {
    const go = join(tempDir, 'go');
    const script =
      'trap "" PIPE; while [ ! -e go ]; do sleep 0.01; done; echo x 2>/dev/null; echo $? >status';
    const { links, cut, ended, closed } = started(NO_INPUT, `cd ${tempDir}; ${script}`);
    cut();
    await closed;
    const again = nextPaths(2);
    const left = links.filter(existsSync);
    writeFileSync(go, '');
    await ended;
    const status = readFileSync(join(tempDir, 'status'), 'utf8');
    expect([again.filter(path => links.includes(path)), left, status]).to.deep.equal([[], links, '1\n']);
  });

  it('reuses the pipe of stdin when no process reads it', async () => {
    const { stdin, links, ended, outputs, closed } = started(ALL, 'exec cat');
    for (const stream of [outputs.stdout, outputs.stderr]) stream?.resume();
    stdin?.end();
    await Promise.all([ended, closed]);
    await until(() => nextPaths(3).includes(links[0] as string), 'the pipe is not reused');
  });

  it('pins stdin while a process reads it, even if our end is closed', async () => {
    const script = 'exec 3<&0; sleep 600 <&3 3<&- >/dev/null 2>&1 & echo $!';
    const { stdin, links, pinned, outputs, ended, closed } = started(ALL, script);
    outputs.stderr?.resume();
    const reader = Number(await textOf(outputs.stdout));
    await Promise.all([ended, closed]);
    const whileOpen = pinned();
    const shut = once(stdin as Writable, 'close');
    stdin?.end();
    await shut;
    const afterwards = pinned();
    process.kill(reader, 'SIGKILL');
    await until(() => pinned().length === 0, 'a process still reads it');
    expect([whileOpen, afterwards]).to.deep.equal([[links[0]], [links[0]]]);
  });

  it('reports EPIPE to the writer of a stdin without a reader', async () => {
    const { stdin, outputs, ended, cut, child } = started(ALL, 'exec <&-; echo closed; exec sleep 600');
    const failed = once(stdin as Writable, 'error');
    await once(outputs.stdout?.resume() as Output, 'data');
    stdin?.write('x');
    const [error] = await failed;
    expect((error as NodeJS.ErrnoException).code).to.equal('EPIPE');
    cut();
    child.kill('SIGKILL');
    await ended;
    await until(() => openBelow(tempDir).length === 0, 'a descriptor is still open');
  });
});
