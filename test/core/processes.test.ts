import { expect } from 'chai';
import type { ExecClient } from '../../src/core/exec-client.ts';
import type { Sandbox } from '../../src/core/process.ts';
import { connectEmbedded } from '../../src/embedded/index.ts';
import { until } from '../support/until.ts';
import { connectFake, INFO } from './support/fake-server.ts';

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => new Error('did not reject'),
    (error: unknown) => error,
  );

const sandbox: Sandbox = {
  permissions: {
    type: 'managed',
    file_system: { type: 'restricted', entries: [] },
    network: 'restricted',
  },
};

describe('start', () => {
  let client: ExecClient;

  before(async () => {
    client = await connectEmbedded();
  });

  after(() => client.close());

  describe('with a signal', () => {
    it('starts nothing if it is aborted before', async () => {
      const { client: remote, server } = await connectFake();
      const before = server.received.length;
      const reason = new Error('the reason');
      const signal = AbortSignal.abort(reason);
      expect(await rejection(remote.start({ argv: ['true'], signal }))).to.equal(reason);
      expect(server.received).to.have.lengthOf(before);
      await remote.close();
    });

    it('cancels a start that is not answered, and rejects immediately', async () => {
      const { client: remote, server } = await connectFake();
      server.answers.set('process/start', () => []);
      const controller = new AbortController();
      const starting = rejection(remote.start({ argv: ['true'], signal: controller.signal }));
      await until(() => server.received.at(-1)?.method === 'process/start', 'the start was not sent');
      controller.abort('the reason');
      expect(await starting).to.equal('the reason');
      await until(
        () => server.received.at(-1)?.method === 'process/terminate',
        'the start was not cancelled',
      );
      expect(server.received.at(-1)?.params).to.deep.equal({ processId: '1' });
      await remote.close();
    });

    it('leaves no process of a cancelled start', async () => {
      const controller = new AbortController();
      const starting = rejection(
        client.start({ argv: ['sleep', '600'], signal: controller.signal, killGraceMs: 100 }),
      );
      controller.abort();
      expect(await starting).to.equal(controller.signal.reason);
      const deadline = performance.now() + 30_000;
      while ((await client.list()).some(({ argv0 }) => argv0 === 'sleep')) {
        if (performance.now() > deadline) throw new Error('the process is still there after 30 s');
      }
    });

    it('terminates a process that has started', async () => {
      const controller = new AbortController();
      const child = await client.start({ argv: ['sleep', '600'], signal: controller.signal });
      controller.abort();
      expect((await child.collect()).reason).to.equal('terminated');
    });

    it('sends nothing for a process that is closed', async () => {
      const { client: remote, server } = await connectFake();
      const controller = new AbortController();
      const child = await remote.start({ argv: ['true'], signal: controller.signal });
      server.send(
        { method: 'process/exited', params: { processId: '1', seq: 1, exitCode: 0, sandboxDenied: false } },
        { method: 'process/closed', params: { processId: '1', seq: 2 } },
      );
      await child.closed;
      controller.abort();
      await remote.close();
      expect(server.received.map(({ method }) => method)).not.to.include('process/terminate');
    });
  });

  it('sends tty without a size if it is true', async () => {
    const { client: remote, server } = await connectFake();
    await remote.start({ argv: ['true'], tty: true });
    expect(server.received.at(-1)?.params).to.include({ tty: true }).and.not.to.have.property('size');
    await remote.start({ argv: ['true'], tty: { columns: 1, rows: 2 } });
    expect(server.received.at(-1)?.params).to.deep.include({ tty: true, size: { columns: 1, rows: 2 } });
    await remote.close();
  });

  it('sends a sandbox to a server that announces the capability, and refuses it for others', async () => {
    for (const capabilities of [{}, { sandbox: true }]) {
      const { client: remote, server } = await connectFake('remote', {}, fake =>
        fake.answers.set('initialize', ({ id }) => [
          { id, result: { sessionId: 's', environmentInfo: { ...INFO, capabilities } } },
        ]),
      );
      const sent = remote.start({ argv: ['true'], sandbox });
      if ('sandbox' in capabilities) {
        await sent;
        expect(server.received.at(-1)?.params.sandbox).to.deep.equal(sandbox);
      } else {
        expect(await rejection(sent)).to.include({ kind: 'unsupported' });
        expect(await rejection(remote.files.readFile('/f', { sandbox }))).to.include({ kind: 'unsupported' });
      }
      await remote.close();
    }
  });
});
