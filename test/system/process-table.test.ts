import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  descendantsOf,
  type ProcessEntry,
  type ProcessTable,
  readProcessTable,
} from '../../src/system/process-table.ts';
import { Children } from './support/children.ts';

describe('readProcessTable', () => {
  let procRoot: string;
  const children = new Children();

  beforeEach(() => {
    procRoot = mkdtempSync(join(tmpdir(), 'exec-server-test-'));
  });

  afterEach(async () => {
    rmSync(procRoot, { recursive: true });
    await children.end();
  });

  const addProcess = (pid: number, stat?: string): void => {
    mkdirSync(join(procRoot, String(pid)));
    if (stat !== undefined) writeFileSync(join(procRoot, String(pid), 'stat'), stat);
  };

  it('reads what the kernel writes', async () => {
    addProcess(42, `42 (sleep) S 7 41 40 0 -1 4194304 ${fields(10, 22)} 987654 ${fields(23, 53)}\n`);
    expect([...((await readProcessTable('linux', { procRoot })) ?? [])]).to.deep.equal([
      [42, { pid: 42, ppid: 7, pgid: 41, sid: 40, state: 'S', name: 'sleep', startTime: '987654' }],
    ]);
  });

  it('reads a name with spaces, parentheses and a line break', async () => {
    addProcess(
      42,
      `42 (a) S 1 (b\n) Z 7 41 40 0 -1 4194304 ${fields(10, 20)} 1 0 987654 ${fields(23, 53)}\n`,
    );
    const entry = (await readProcessTable('linux', { procRoot }))?.get(42);
    expect([entry?.name, entry?.state, entry?.ppid]).to.deep.equal(['a) S 1 (b\n', 'Z', 7]);
  });

  it('takes a process for running if only its first thread has exited', async () => {
    addProcess(42, `42 (a) Z 7 41 40 0 -1 4194304 ${fields(10, 20)} 2 0 987654 ${fields(23, 53)}\n`);
    expect((await readProcessTable('linux', { procRoot }))?.get(42)?.state).to.equal('S');
  });

  it('ignores processes that have ended and entries that are no process', async () => {
    addProcess(42);
    addProcess(43, '');
    mkdirSync(join(procRoot, 'self'));
    expect(await readProcessTable('linux', { procRoot })).to.deep.equal(new Map());
  });

  it('knows nothing without /proc, and nothing on Windows', async () => {
    expect(await readProcessTable('linux', { procRoot: join(procRoot, 'none') })).to.equal(undefined);
    expect(await readProcessTable('win32')).to.equal(undefined);
  });

  it('reads the answer of ps and leaves ps itself out', async () => {
    const output = [
      '    1     0     1 Ss   Mon Jan  5 10:11:12 2026 /sbin/launchd',
      '  812   100   812 R+   Mon Jan 22 10:11:13 2026 ps',
      '  813   100   813 Z    Mon Jan 22 10:11:13 2026 (a b)  ',
      'nonsense',
    ].join('\n');
    expect(await readProcessTable('darwin', { ps: async () => ({ pid: 812, output }) })).to.deep.equal(
      new Map([
        [1, psEntry(1, 0, 'Ss', 'Mon Jan  5 10:11:12 2026', 'launchd')],
        [813, psEntry(813, 100, 'Z', 'Mon Jan 22 10:11:13 2026', '(a b)')],
      ]),
    );
  });

  it('knows nothing where ps fails', async () => {
    const ps = () => Promise.reject(new Error('no ps'));
    expect(await readProcessTable('freebsd', { ps })).to.equal(undefined);
  });

  it('finds a real child by its pid, group and session', async function () {
    if (process.platform === 'win32') this.skip();
    const pid = await children.start('ignores-term-and-hup.sh');
    const entry = (await readProcessTable(process.platform))?.get(pid);
    expect([entry?.pid, entry?.ppid, entry?.pgid, entry?.name]).to.deep.equal([pid, process.pid, pid, 'sh']);
    if (process.platform === 'linux') expect(entry?.sid).to.equal(pid);
  });

  it('says the same from ps as from /proc', async function () {
    if (process.platform !== 'linux' || !(await hasPs())) this.skip();
    const pid = await children.start('ignores-term-and-hup.sh');
    const [proc, ps] = [await readProcessTable('linux'), await readProcessTable('darwin')];
    const brief = (entry: ProcessEntry | undefined) => [entry?.pid, entry?.ppid, entry?.pgid, entry?.name];
    expect(brief(ps?.get(pid))).to.deep.equal(brief(proc?.get(pid)));
  });
});

describe('descendantsOf', () => {
  it('lists exactly the whole tree, parents first', () => {
    const parents = tableOf([5, 4], [4, 2], [3, 2], [2, 1], [6, 1], [7, 5]);
    expect(descendantsOf(2, parents)).to.deep.equal([4, 3, 5, 7]);
  });

  it('lists no descendants of a missing process', () => {
    expect(descendantsOf(9, tableOf([2, 1]))).to.deep.equal([]);
  });

  it('ends where parents go in a circle', () => {
    expect(descendantsOf(2, tableOf([2, 3], [3, 2], [4, 4]))).to.deep.equal([3]);
  });
});

const fields = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => from + index).join(' ');

const psEntry = (
  pid: number,
  ppid: number,
  state: string,
  startTime: string,
  name: string,
): ProcessEntry => ({ pid, ppid, pgid: pid, sid: undefined, state, name, startTime });

const tableOf = (...pairs: [pid: number, ppid: number][]): ProcessTable =>
  new Map(pairs.map(([pid, ppid]) => [pid, psEntry(pid, ppid, 'S', '', '')]));

const hasPs = async (): Promise<boolean> => {
  const ps = spawn('ps', { stdio: 'ignore' });
  return once(ps, 'exit').then(
    () => true,
    () => false,
  );
};
