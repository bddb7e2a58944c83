import { constants } from 'node:os';
import { expect } from 'chai';
import { RawClient } from './support/raw-client.ts';
import { requireSandbox, workspaceWrite } from './support/sandboxes.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';
/** Signals that Node has names for, and real-time signals, which it has none for. */
const SIGNALS = ['SIGHUP', 'SIGKILL', 'SIGSEGV', 'SIGTERM', 'SIG34', 'SIG37', 'SIG64'];
const numberOf = (name: string) =>
  constants.signals[name as NodeJS.Signals] ?? Number(name.slice('SIG'.length));

(process.platform === 'linux' ? describe : describe.skip)('the exit of a process that a signal ends', () => {
  let client: RawClient;

  before(async () => {
    client = await RawClient.open();
  });

  after(() => client.close());

  const exits = (more: object) =>
    Promise.all(
      SIGNALS.map(async name => {
        const processId = `${name} ${JSON.stringify(more)}`;
        const argv = ['sh', '-c', `kill -${numberOf(name)} $$`];
        await client.request('process/start', { processId, argv, cwd: '/', env: { PATH }, ...more });
        const { exitCode, signal, reason } = (await client.finished(processId)).exited;
        return [exitCode, signal, reason];
      }),
    );

  const expected = SIGNALS.map(name => [128 + numberOf(name), name, 'signaled']);

  it('has 128 + its number and its name, on pipes', async () => {
    expect(await exits({})).to.deep.equal(expected);
  });

  it('is the same with merged output, and with a pipe for stdin', async () => {
    expect(await exits({ mergeStderr: true, pipeStdin: true })).to.deep.equal(expected);
  });

  it('is the same on a terminal', async () => {
    expect(await exits({ tty: true })).to.deep.equal(expected);
  });

  it('has the same code in a sandbox, where bubblewrap reports it', async function () {
    requireSandbox(this);
    const codes = (await exits({ sandbox: workspaceWrite('/var/tmp') })).map(([code]) => code);
    expect(codes).to.deep.equal(expected.map(([code]) => code));
  });

  it('is not confused with exit codes', async () => {
    const codes = [0, 1, 127, 128, 165, 255];
    const started = codes.map(async code => {
      const argv = ['sh', '-c', `exit ${code}`];
      await client.request('process/start', { processId: `${code}`, argv, cwd: '/', env: { PATH } });
      const { exitCode, signal, reason } = (await client.finished(`${code}`)).exited;
      return [exitCode, signal, reason];
    });
    expect(await Promise.all(started)).to.deep.equal(codes.map(code => [code, null, 'exited']));
  });
});
