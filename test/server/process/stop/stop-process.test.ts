import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { stopGroup } from '../../../../src/server/process/stop/stop-group.ts';
import { stopProcess } from '../../../../src/server/process/stop/stop-process.ts';
import { type PinnedFile, pinFile } from '../../../../src/system/pinned-file.ts';
import { until } from '../../../support/until.ts';
import { Children, isRunning } from '../../../system/support/children.ts';
import { openLinks } from '../../support/descriptors.ts';
import { groupOf } from '../support/group-of.ts';

/** Longer than any of these tests takes. */
const LONG_MS = 30_000;

(process.platform === 'linux' ? describe : describe.skip)('stopProcess', () => {
  const children = new Children();
  let directory: string;
  let stream: string;

  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'stop-process-test-')));
    stream = join(directory, 'stream');
  });

  afterEach(async () => {
    await children.end();
    rmSync(directory, { recursive: true });
  });

  const pinned = (): PinnedFile[] => [pinFile(stream) ?? []].flat();

  /** The leader of a group that runs a script with the stream open as descriptor 3; resolves with the pid it prints. */
  const start = async (script: string) => {
    const fd = openSync(stream, 'w');
    const child = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore', fd] });
    closeSync(fd);
    const group = groupOf(child);
    children.add(group.leader);
    const [line] = await once(child.stdout as NodeJS.ReadableStream, 'data');
    const printed = Number.parseInt(String(line), 10);
    children.add(printed);
    const ended = child.exitCode ?? once(child, 'exit').then(([code, signal]) => signal ?? code);
    return { group, printed, ended };
  };

  it('ends the group, and then processes that have left it and hold a stream', async () => {
    const { group, printed, ended } = await start(
      'setsid sh -c \'trap "" TERM; echo $$; exec sleep 600\' & wait',
    );
    let askedWith: boolean | undefined;
    await stopProcess(
      () => stopGroup(group, LONG_MS),
      () => {
        askedWith = group.isAlive;
        return pinned();
      },
    );
    await until(() => !isRunning(printed), 'the holder is still there');
    expect([await ended, askedWith]).to.deep.equal(['SIGTERM', false]);
  });

  it('spares processes that have left the group and hold no stream', async () => {
    const { group, printed } = await start("setsid sh -c 'exec 3>&-; echo $$; exec sleep 600' & wait");
    await stopProcess(() => stopGroup(group, LONG_MS), pinned);
    expect([group.isAlive, isRunning(printed)]).to.deep.equal([false, true]);
  });

  it('searches no holders if all streams have ended', async () => {
    const { group, printed } = await start("setsid sh -c 'echo $$; exec sleep 600' & wait");
    await stopProcess(
      () => stopGroup(group, LONG_MS),
      () => [],
    );
    expect([group.isAlive, isRunning(printed)]).to.deep.equal([false, true]);
  });

  it('sends SIGKILL to the group after the grace', async () => {
    const { group, ended } = await start('trap "" TERM; echo $$; exec sleep 600');
    await stopProcess(
      () => stopGroup(group, 50),
      () => [],
    );
    expect(await ended).to.equal('SIGKILL');
  });

  it('ends the holders of a process that has exited', async () => {
    const { group, printed, ended } = await start("setsid sh -c 'echo $$; exec sleep 600' &");
    await ended;
    await stopProcess(() => stopGroup(group, LONG_MS), pinned);
    await until(() => !isRunning(printed), 'the holder is still there');
  });

  it('spares this process, which has the other end of the streams', async () => {
    const { group } = await start('echo $$; exec sleep 600');
    const ours = openSync(stream, 'r');
    await stopProcess(() => stopGroup(group, LONG_MS), pinned);
    closeSync(ours);
    expect(group.isAlive).to.equal(false);
  });

  it('releases the pinned streams', async () => {
    const { group } = await start('echo $$; exec sleep 600');
    const before = openLinks().filter(link => link === stream).length;
    await stopProcess(() => stopGroup(group, LONG_MS), pinned);
    expect(openLinks().filter(link => link === stream)).to.have.lengthOf(before);
  });
});
