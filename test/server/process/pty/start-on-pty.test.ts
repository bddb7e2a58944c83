import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import type { ExecServerError } from '../../../../src/protocol/errors.ts';
import { ptyUnavailable } from '../../../../src/server/process/pty/pty-binding.ts';
import type { PtyChild, PtyPlan } from '../../../../src/server/process/pty/pty-child.ts';
import { startOnPty } from '../../../../src/server/process/pty/start-on-pty.ts';
import { loadLibc } from '../../../../src/system/libc.ts';
import { until } from '../../../support/until.ts';

const PATH = process.env.PATH ?? '/usr/bin:/bin';
const BURST = 20_480;
const onLinux = process.platform === 'linux' ? it : it.skip;

(ptyUnavailable() === undefined && process.platform !== 'win32' ? describe : describe.skip)(
  'startOnPty',
  () => {
    let directory: string;
    const started = new Set<PtyChild>();

    before(() => {
      directory = mkdtempSync(join(tmpdir(), 'pty-test-'));
    });
    after(() => rmSync(directory, { recursive: true }));
    afterEach(async () => {
      for (const child of started) {
        child.destroy();
        killGroup(child.pid);
        await until(() => !isAlive(child.pid), `the group of ${child.pid} has not ended`);
      }
      started.clear();
    });

    const start = (argv: PtyPlan['argv'], plan: Partial<PtyPlan> = {}): PtyChild => {
      const child = startOnPty({
        argv,
        arg0: undefined,
        cwd: directory,
        env: { PATH },
        size: { columns: 80, rows: 24 },
        platform: process.platform,
        ...plan,
      });
      started.add(child);
      return child;
    };
    const shell = (script: string, plan?: Partial<PtyPlan>) => start(['sh', '-c', script], plan);
    const failureOf = (argv: PtyPlan['argv'], plan?: Partial<PtyPlan>) => {
      try {
        start(argv, plan);
      } catch (error) {
        return (error as ExecServerError).data;
      }
      throw new Error('expected the start to fail');
    };

    describe('output', () => {
      it('delivers every byte of a burst', async () => {
        const text = 'x'.repeat(BURST);
        for (let round = 0; round < 100; round += 1) {
          const child = start(['/bin/echo', '-n', text]);
          expect((await ended(child)).output.toString() === text, `round ${round}`).to.equal(true);
        }
      });

      it('delivers every byte of a program that closes its terminal before it exits', async () => {
        const text = 'x'.repeat(BURST);
        const script = 'printf %s "$0"; exec <&- >&- 2>&-; sleep 0.02; exit 5';
        for (let round = 0; round < 50; round += 1) {
          const { output, ...exit } = await ended(start(['sh', '-c', script, text]));
          expect({ ...exit, length: output.length }, `round ${round}`).to.deep.equal({
            code: 5,
            signal: null,
            length: BURST,
          });
        }
      });

      it('delivers output to /dev/tty of a program that has closed its streams', async function () {
        if (process.platform !== 'linux') this.skip();
        const child = shell('exec <&- >&- 2>&-; sleep 0.1; printf late >/dev/tty');
        expect(await ended(child)).to.deep.equal({ output: Buffer.from('late'), code: 0, signal: null });
      });

      it('loses nothing if the reader is paused until after the exit', async () => {
        const text = 'x'.repeat(BURST);
        for (let round = 0; round < 5; round += 1) {
          const child = start(['/bin/echo', '-n', text]);
          const seen = collect(child);
          // Our stream and the kernel buffer more than the burst, so the child can exit.
          child.output.pause();
          await exited(child);
          await delay(500);
          expect(seen.text()).to.equal('');
          child.output.resume();
          await once(child.output, 'end');
          expect(seen.text() === text, `round ${round}`).to.equal(true);
        }
      });

      it('makes the child wait for a slow reader, and loses nothing', async () => {
        const child = shell('i=0; while [ $i -lt 40000 ]; do echo $i; i=$((i+1)); done');
        const chunks: Buffer[] = [];
        child.output.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          child.output.pause();
          setImmediate(() => child.output.resume());
        });
        await once(child.output, 'end');
        const expected = Array.from({ length: 40_000 }, (_, line) => `${line}\r\n`).join('');
        expect(Buffer.concat(chunks).toString() === expected).to.equal(true);
      });

      it('does not change bytes', async () => {
        const child = shell("printf '\\000\\001\\377\\303'");
        expect((await ended(child)).output).to.deep.equal(Buffer.from([0, 1, 255, 195]));
      });

      it('continues after the exit while a descendant has the terminal', async () => {
        // The descendant waits for the exit of the shell before it writes.
        const later = 'while kill -0 $$ 2>/dev/null; do sleep 0.01; done; printf later';
        const child = shell(`trap "" HUP; (${later}) & printf first; exit 3`);
        const result = await ended(child);
        expect({ ...result, output: result.output.toString() }).to.deep.equal({
          output: 'firstlater',
          code: 3,
          signal: null,
        });
      });
    });

    describe('program', () => {
      onLinux('sees the name that it is given', async () => {
        const { output } = await ended(shell('echo "$0"', { arg0: 'my shell' }));
        expect(output.toString()).to.equal('my shell\r\n');
      });

      onLinux('may be a script without a first line that names an interpreter', async () => {
        const path = script('plain-script', 'echo "$1 $2"\n');
        expect((await ended(start([path, 'a', 'b c']))).output.toString()).to.equal('a b c\r\n');
      });

      onLinux('has the descriptors 0, 1 and 2, whatever this process has open', async () => {
        const others = [start(['cat']), start(['cat'])];
        const inheritable = openInheritable();
        const child = start(['cat']);
        expect(readdirSync(`/proc/${child.pid}/fd`)).to.deep.equal(['0', '1', '2']);
        closeSync(inheritable);
        for (const other of others) expect(readdirSync(`/proc/${other.pid}/fd`)).to.have.length(3);
      });
    });

    describe('input', () => {
      it('is echoed and read by the child', async () => {
        const child = start(['cat']);
        const seen = collect(child);
        child.input.write('hello\n');
        await until(
          () => seen.text() === 'hello\r\nhello\r\n',
          () => `not both lines, seen ${seen.text()}`,
        );
        child.input.write('\x04');
        expect(await exited(child)).to.deep.equal({ code: 0, signal: null });
      });

      it('interrupts with Ctrl-C', async () => {
        // A shell would handle and forget a signal just before its last command.
        const child = start(['cat']);
        const seen = collect(child);
        child.input.write('ready\n');
        await until(() => seen.text() === 'ready\r\nready\r\n', 'the child is not ready');
        child.input.write('\x03');
        expect(await exited(child)).to.deep.equal({ code: null, signal: 'SIGINT' });
      });

      it('waits for a child that does not read, without blocking this process', async () => {
        const child = shell(
          'stty raw -echo; echo ready; while [ ! -e go ]; do sleep 0.05; done; head -c 100000 | wc -c',
        );
        const seen = collect(child);
        await until(() => seen.text().includes('ready'), 'the child is not ready');
        let written = false;
        child.input.write(Buffer.alloc(100_000, 'y'), () => {
          written = true;
        });
        // If this process were blocked, it would be forever, since it is the one that lets the child read.
        await delay(100);
        expect(written).to.equal(false);
        // From now on the child reads.
        writeFileSync(join(directory, 'go'), '');
        await until(
          () => seen.text().includes('100000'),
          () => `not the count, seen ${seen.text()}`,
        );
        expect(written).to.equal(true);
      });

      it('fails with an error after the terminal was closed', async () => {
        const child = start(['cat']);
        child.destroy();
        const error = await new Promise(resolve => child.input.write('x', resolve));
        expect(error).to.be.an('error');
      });
    });

    describe('terminal', () => {
      it('has the given size and notifies the child of a new one', async () => {
        const child = shell('trap "stty size; exit" WINCH; stty size; while :; do sleep 0.02; done', {
          size: { columns: 101, rows: 37 },
        });
        const seen = collect(child);
        await until(
          () => seen.text() === '37 101\r\n',
          () => `not the first size, seen ${seen.text()}`,
        );
        child.resize({ columns: 90, rows: 20 });
        await exited(child);
        await until(
          () => seen.text() === '37 101\r\n20 90\r\n',
          () => `not both sizes, seen ${seen.text()}`,
        );
      });

      it('is the controlling terminal of the session that the child leads', async () => {
        const child = shell('echo ready; read line');
        const seen = collect(child);
        await until(() => seen.text().includes('ready'), 'the child is not ready');
        const [, , , , group, session, , foreground] = statOf(child.pid);
        expect([group, session, foreground]).to.deep.equal([child.pid, child.pid, child.pid].map(String));
        expect(readlinkSync(`/proc/${child.pid}/fd/0`)).to.equal(child.terminal);
      });

      it('has a process group that can be signalled as soon as the start returns', async () => {
        for (let round = 0; round < 30; round += 1) {
          const child = start(['cat']);
          process.kill(-child.pid, 'SIGTERM');
          expect(await exited(child)).to.deep.equal({ code: null, signal: 'SIGTERM' });
        }
      });

      it('starts the child with no signal blocked or ignored', async () => {
        const child = start(['grep', '-E', 'Sig(Blk|Ign)', '/proc/self/status']);
        const { output } = await ended(child);
        expect(output.toString()).to.equal('SigBlk:\t0000000000000000\r\nSigIgn:\t0000000000000000\r\n');
      });

      it('starts the child with exactly the given env', async () => {
        const { output } = await ended(
          start(['/usr/bin/env', '-0'], { env: { B: '2=3', A: 'ä\n', EMPTY: '' } }),
        );
        expect(output.toString()).to.equal('B=2=3\0A=ä\r\n\0EMPTY=\0');
      });

      it('starts the child in the given directory', async () => {
        expect((await ended(start(['/bin/pwd']))).output.toString()).to.equal(`${directory}\r\n`);
      });
    });

    describe('onExit', () => {
      onLinux('tells a real-time signal by its number', async () => {
        expect(await exited(shell('kill -40 $$'))).to.deep.equal({ code: null, signal: 'SIG40' });
      });

      it('reports the exit code', async () => {
        expect(await exited(shell('exit 7'))).to.deep.equal({ code: 7, signal: null });
      });

      it('reports the signal', async () => {
        expect(await exited(shell('kill -KILL $$'))).to.deep.equal({ code: null, signal: 'SIGKILL' });
      });

      it('reports the exit immediately, even if a descendant has the terminal', async () => {
        const child = shell('trap "" HUP; sleep 60 & exit 2');
        let closed = false;
        child.output.on('close', () => {
          closed = true;
        });
        expect(await exited(child)).to.deep.equal({ code: 2, signal: null });
        expect(closed).to.equal(false);
      });

      it('calls a listener that was added after the exit', async () => {
        const child = shell('exit 7');
        await ended(child);
        expect(await exited(child)).to.deep.equal({ code: 7, signal: null });
      });
    });

    describe('failures', () => {
      it('reports a missing directory and one that is a file', () => {
        const cwd = join(directory, 'missing');
        expect(failureOf(['true'], { cwd })).to.deep.equal({
          kind: 'launchFailed',
          stage: 'cwd',
          errno: 'ENOENT',
          path: cwd,
        });
        expect(failureOf(['true'], { cwd: '/dev/null' })).to.deep.include({ stage: 'cwd', errno: 'ENOTDIR' });
      });

      it("searches the program in the child's PATH", () => {
        expect(failureOf(['true'], { env: { PATH: '/missing:bin' } })).to.deep.equal({
          kind: 'launchFailed',
          stage: 'resolve',
          errno: 'ENOENT',
          path: 'true',
          searchedPath: ['/missing', 'bin'],
        });
      });

      it("resolves relative directories of PATH from the child's directory", async () => {
        mkdirSync(join(directory, 'tools'));
        script('tools/here', '#!/bin/sh\necho found\n');
        const { output } = await ended(start(['here'], { env: { PATH: 'tools' } }));
        expect(output.toString()).to.equal('found\r\n');
      });

      it('reports a program that is not executable', () => {
        const path = join(directory, 'plain');
        writeFileSync(path, '');
        expect(failureOf([path])).to.deep.include({ stage: 'permission', errno: 'EACCES', path });
        expect(failureOf([directory])).to.deep.include({ stage: 'permission', path: directory });
      });

      it('skips files that are not executable if PATH has an executable one', async () => {
        mkdirSync(join(directory, 'worse'));
        mkdirSync(join(directory, 'better'));
        writeFileSync(join(directory, 'worse/tool'), '');
        script('better/tool', '#!/bin/sh\necho better\n');
        const { output } = await ended(start(['tool'], { env: { PATH: 'worse:better' } }));
        expect(output.toString()).to.equal('better\r\n');
      });

      it('reports a script whose interpreter is missing', () => {
        const path = script('orphan', '#!/missing/interpreter -x\n');
        expect(failureOf([path])).to.deep.include({ stage: 'spawn', errno: 'ENOENT', path });
      });

      onLinux('reports the error of the system for a program that it cannot run', () => {
        expect(failureOf(['true', 'x'.repeat(200_000)])).to.deep.include({
          stage: 'spawn',
          errno: 'E2BIG',
          path: 'true',
        });
      });

      onLinux('leave no descriptor open', () => {
        const before = resources().descriptors;
        for (const plan of [{ cwd: '/missing' }, { env: { BIG: 'x'.repeat(200_000) } }])
          expect(failureOf(['/bin/true'], plan)).to.deep.include({ kind: 'launchFailed' });
        expect(failureOf(['missing'])).to.deep.include({ stage: 'resolve' });
        expect(resources().descriptors).to.equal(before);
      });
    });

    describe('destroy', () => {
      it('sends SIGHUP to a running child', async () => {
        const child = shell('echo ready; sleep 60');
        // The child gets SIGHUP only after the terminal has become its controlling terminal.
        const seen = collect(child);
        await until(() => seen.text().includes('ready'), 'the child is not ready');
        child.destroy();
        child.destroy();
        expect(await exited(child)).to.deep.equal({ code: null, signal: 'SIGHUP' });
      });

      it('ends the output; resize then has no effect', async () => {
        const child = start(['cat']);
        const closed = once(child.output, 'close');
        child.destroy();
        child.resize({ columns: 1, rows: 1 });
        await closed;
      });

      it('is not needed to release descriptors and threads', async () => {
        await batch(20);
        const before = resources();
        for (let round = 0; round < 100; round += 1) await batch(20);
        await until(
          () => resources().descriptors <= before.descriptors && resources().threads <= before.threads,
          () => `more than ${JSON.stringify(before)}: ${JSON.stringify(resources())}`,
        );
      });
    });

    /** Opens a descriptor without close-on-exec, as native code may. */
    const openInheritable = (): number => {
      const fd = openSync('/dev/null', 'r');
      expect(loadLibc().ioctlNumber(fd, FIONCLEX, 0)).to.equal(0);
      return fd;
    };

    const batch = async (count: number): Promise<void> => {
      const children = Array.from({ length: count }, () => start(['true']));
      await Promise.all(children.map(ended));
      // Their pids may be reused.
      started.clear();
    };

    const script = (name: string, text: string): string => {
      const path = join(directory, name);
      writeFileSync(path, text);
      chmodSync(path, 0o755);
      return path;
    };
  },
);

/** Linux request that clears close-on-exec. */
const FIONCLEX = 0x5450;

type Exit = { code: number | null; signal: NodeJS.Signals | null };

const exited = (child: PtyChild): Promise<Exit> =>
  new Promise(resolve => child.onExit((code, signal) => resolve({ code, signal })));

const collect = (child: PtyChild) => {
  const chunks: Buffer[] = [];
  child.output.on('data', chunk => chunks.push(chunk));
  return { text: () => Buffer.concat(chunks).toString() };
};

const ended = async (child: PtyChild): Promise<Exit & { output: Buffer }> => {
  const chunks: Buffer[] = [];
  child.output.on('data', chunk => chunks.push(chunk));
  const [exit] = await Promise.all([exited(child), once(child.output, 'close')]);
  return { output: Buffer.concat(chunks), ...exit };
};

const statOf = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/\(.*\)/, '()')
    .split(' ');

const resources = () => ({
  descriptors: readdirSync('/proc/self/fd').length,
  threads: readdirSync('/proc/self/task').length,
});

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(-pid, 0);
  } catch {
    return false;
  }
};

const killGroup = (pid: number): void => {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group is empty.
  }
};
