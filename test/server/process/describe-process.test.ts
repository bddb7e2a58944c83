import { expect } from 'chai';
import { describeProcess } from '../../../src/server/process/describe-process.ts';
import type { ProcessEntry } from '../../../src/system/process-table.ts';
import { fakeProcess } from './support/fake-process.ts';

const entry = (pid: number, ppid: number, name: string): [number, ProcessEntry] => [
  pid,
  { pid, ppid, pgid: pid, sid: pid, state: 'S', name, startTime: '1' },
];

/** The pid of a fake process is 4242. */
const TABLE = new Map([
  entry(1, 0, 'init'),
  entry(4242, 1, 'sh'),
  entry(4243, 4242, 'make'),
  entry(4245, 4243, 'cc (1)'),
  entry(4244, 4242, ''),
  entry(5000, 1, 'stranger'),
]);

describe('describeProcess', () => {
  it('describes a running process with its descendants', async () => {
    const { managed, print } = fakeProcess({ processId: 'build', argv0: 'my sh', tty: true });
    await print('12345');
    expect(describeProcess(managed, TABLE)).to.deep.equal({
      processId: 'build',
      pid: 4242,
      argv0: 'my sh',
      tty: true,
      state: 'running',
      exitCode: null,
      startedAtMs: managed.startedAtMs,
      exitedAtMs: null,
      bytes: { stdout: 5, stderr: 0, pty: 0 },
      descendants: [
        { pid: 4243, name: 'make' },
        { pid: 4244, name: '' },
        { pid: 4245, name: 'cc (1)' },
      ],
    });
  });

  it('lists no descendants of a process that is not in the table', () => {
    const { managed } = fakeProcess();
    expect(describeProcess(managed, new Map()).descendants).to.deep.equal([]);
  });

  it('describes the exit of a process and no descendants of its former pid', async () => {
    const { managed, endStreams, exit } = fakeProcess();
    const before = Date.now();
    exit(null, 'SIGKILL');
    const exited = describeProcess(managed, TABLE);
    await endStreams();
    const closed = describeProcess(managed, TABLE);
    expect(
      [exited, closed].map(({ state, exitCode, descendants }) => ({ state, exitCode, descendants })),
    ).to.deep.equal([
      { state: 'exited', exitCode: 137, descendants: [] },
      { state: 'closed', exitCode: 137, descendants: [] },
    ]);
    expect(exited.exitedAtMs).to.be.within(before, Date.now()).and.equal(closed.exitedAtMs);
  });
});
