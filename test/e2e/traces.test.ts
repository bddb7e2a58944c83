import { expect } from 'chai';
import { until } from '../support/until.ts';
import { programPath } from './support/program.ts';
import { RawClient, type RawFraming } from './support/raw-client.ts';

/** A trace whose ids have this digit. */
const traceOf = (digit: number, tracestate?: string) => ({
  traceparent: `00-${String(digit).repeat(32)}-${String(digit).repeat(16)}-01`,
  tracestate,
});
const logged = (digit: number): string => `(traceparent ${traceOf(digit).traceparent})`;

const START = { argv: ['cat'], cwd: 'file:///', env: { PATH: '/usr/bin:/bin' }, pipeStdin: true };

const open = async (framing: RawFraming, args: readonly string[]) => {
  const client = new RawClient({ framing, argv: [process.execPath, programPath, '--stdio', ...args] });
  client.send({ id: 0, method: 'initialize', params: { clientName: 'raw' }, trace: traceOf(1, 'a=b') });
  await client.waitFor('the answer to initialize', ({ id }) => id === 0);
  client.send({ method: 'initialized', trace: traceOf(2) });
  return client;
};

const answered = (client: RawClient, id: number) =>
  client.waitFor(`the answer to ${id}`, answer => answer.id === id);

/** The log with each time replaced by `T`, once it has this many lines. */
const logOf = async (client: RawClient, count: number): Promise<string[]> => {
  const lines = () => client.stderr.split('\n').slice(0, -1);
  await until(
    () => lines().length >= count,
    () => `only these lines: ${client.stderr}`,
  );
  return lines().map(line => line.replace(/after \d+\.\d ms/, 'after T'));
};

describe('the trace of a request', () => {
  for (const framing of ['contentLength', 'newline'] as const) {
    it(`is in the line for its call, framing ${framing}`, async () => {
      const client = await open(framing, ['--log-calls']);
      // Two requests that wait, answered in the reverse order.
      client.send({
        id: 1,
        method: 'process/start',
        params: { ...START, processId: 'p' },
        trace: traceOf(3),
      });
      await answered(client, 1);
      client.send({
        id: 2,
        method: 'process/read',
        params: { processId: 'p', afterSeq: 1, waitMs: 600_000 },
        trace: traceOf(4),
      });
      client.send({
        id: 3,
        method: 'process/read',
        params: { processId: 'p', waitMs: 600_000 },
        trace: traceOf(5, 'x=y, z=1'),
      });
      client.send({ id: 4, method: 'process/write', params: { processId: 'p', chunk: 'eA==' } });
      await answered(client, 3);
      client.send({ id: 5, method: 'process/terminate', params: { processId: 'p' }, trace: traceOf(6) });
      await Promise.all([2, 5].map(id => answered(client, id)));
      const lines = await logOf(client, 6);
      await client.close();
      expect(lines.toSorted()).to.deep.equal([
        `exec-server: call initialize id 0 answered after T (traceparent ${traceOf(1).traceparent}, tracestate a=b)`,
        `exec-server: call process/read id 2 answered after T ${logged(4)}`,
        `exec-server: call process/read id 3 answered after T (traceparent ${traceOf(5).traceparent}, tracestate x=y, z=1)`,
        `exec-server: call process/start id 1 answered after T ${logged(3)}`,
        `exec-server: call process/terminate id 5 answered after T ${logged(6)}`,
        'exec-server: call process/write id 4 answered after T',
      ]);
    });
  }

  it('is in the lines for failed requests and for those of a batch; what a client chooses is escaped', async () => {
    const client = await open('contentLength', ['--memory-limit', '64M', '--log-calls']);
    const id = `\u001b]0;forged\n\u0085\u202e${'x'.repeat(100)}`;
    client.send([
      { id, method: 'process/read', params: { processId: 'absent' }, trace: traceOf(3) },
      { id: 2, method: 'forged\u001b', trace: traceOf(4) },
      { id: 3, method: 'process/start', params: {} },
    ]);
    await client.waitFor('the batch', Array.isArray);
    const lines = await logOf(client, 4);
    await client.close();
    expect(lines.slice(1).toSorted()).to.deep.equal([
      `exec-server: call process/read id "\\u001b]0;forged\\n??${'x'.repeat(44)} failed (unknownProcess) after T ${logged(3)}`,
      'exec-server: call process/start id 3 failed (invalidParams) after T',
      `exec-server: call unknown method id 2 failed (unknownMethod) after T ${logged(4)}`,
    ]);
  });

  it('never fails a request, and is not logged without --log-calls', async () => {
    const client = await open('contentLength', []);
    const traces = [
      null,
      5,
      'text',
      [],
      {},
      { traceparent: 3 },
      { traceparent: 'x', tracestate: {} },
      traceOf(7),
    ];
    for (const [at, trace] of traces.entries())
      client.send({ id: at + 1, method: 'environment/status', trace });
    for (const at of traces.keys()) {
      expect((await answered(client, at + 1)).result).to.deep.equal({ status: 'ready' });
    }
    expect(await client.close()).to.equal(0);
    expect(client.stderr).to.equal('');
  });
});
