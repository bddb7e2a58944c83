import { expect } from 'chai';
import { parse } from '../../../src/protocol/parse.ts';
import { Sandbox } from '../../../src/protocol/sandbox.ts';
import type { LocalFiles } from '../../../src/server/files/file-handlers.ts';
import { fileHandlers } from '../../../src/server/files/file-methods.ts';
import { withSandboxes } from '../../../src/server/sandbox/sandboxed-files.ts';
import type { PooledServer, ServerPool } from '../../../src/server/sandbox/server-pool.ts';
import { refusal } from '../files/support/scratch.ts';

const sandbox = parse(Sandbox, { permissions: { type: 'disabled' } });
const restrictions = { sandbox: undefined, followSymlinks: undefined };

describe('withSandboxes', () => {
  let calls: Array<[where: string, method: string, params: object]>;
  let server: PooledServer;

  /** The handlers with a pool of one server, which may restrict nothing. */
  const handlersWith = (restricts = true) => {
    calls = [];
    server = {
      key: '',
      opening: new Promise(() => {}),
      pendingRequests: 0,
      handles: new Set(),
      watchId: undefined,
    };
    const local: LocalFiles = {
      handlers: fileHandlers(method => params => {
        calls.push(['local', method, params]);
        return Promise.resolve({ watching: false } as never);
      }),
      isOpen: handleId => handleId === 'local',
      stop: async () => {},
    };
    const pool: Pick<ServerPool, 'servers' | 'serverFor' | 'request'> = {
      servers: [server],
      serverFor: () => (restricts ? server : undefined),
      request: async (_, method, params) => {
        calls.push(['sandbox', method, params]);
        return { watching: true };
      },
    };
    return withSandboxes(local, pool);
  };
  const places = () => calls.map(([where, method]) => `${where} ${method}`);

  const open = (handleId: string) => ({
    handleId,
    path: '/f',
    mode: 'read' as const,
    atomic: false,
    fileMode: undefined,
    ...restrictions,
  });

  it('forwards a request with a sandbox, without the sandbox', async () => {
    const handlers = handlersWith();
    await handlers['fs/readFile']({ path: '/f', ...restrictions, sandbox });
    await handlers['fs/readFile']({ path: '/f', ...restrictions });
    const params = { path: '/f', ...restrictions };
    expect(calls).to.deep.equal([
      ['sandbox', 'fs/readFile', params],
      ['local', 'fs/readFile', params],
    ]);
  });

  it('handles a request here if its sandbox restricts nothing', async () => {
    await handlersWith(false)['fs/readFile']({ path: '/f', ...restrictions, sandbox });
    expect(calls).to.deep.equal([['local', 'fs/readFile', { path: '/f', ...restrictions }]]);
  });

  it('forwards the requests for a handle to the sandbox that it was opened in, until it is closed', async () => {
    const handlers = handlersWith();
    await handlers['fs/open']({ ...open('h'), sandbox });
    await handlers['fs/readBlock']({ handleId: 'h', offset: 0, len: 1 });
    const close = { handleId: 'h', discard: false, expectSize: undefined, expectSha256: undefined };
    await handlers['fs/close'](close);
    await handlers['fs/close'](close);
    expect(places()).to.deep.equal([
      'sandbox fs/open',
      'sandbox fs/readBlock',
      'sandbox fs/close',
      'local fs/close',
    ]);
  });

  it('refuses a handle that is in use here or in a sandbox', async () => {
    const handlers = handlersWith();
    await handlers['fs/open']({ ...open('h'), sandbox });
    const refused = { code: -32600, kind: 'fileHandleExists' };
    expect(await refusal(handlers['fs/open'](open('h')))).to.deep.equal({ ...refused, handleId: 'h' });
    expect(await refusal(handlers['fs/open']({ ...open('local'), sandbox }))).to.deep.equal({
      ...refused,
      handleId: 'local',
    });
  });

  it('has one watch, here or in a sandbox', async () => {
    const handlers = handlersWith();
    const watch = { missing: ['/m'], present: undefined, ...restrictions };
    await handlers['fs/watchMissing']({ ...watch, watchId: 5 });
    expect(await handlers['fs/watchMissing']({ ...watch, watchId: 4, sandbox })).to.deep.equal({
      watching: false,
    });
    await handlers['fs/watchMissing']({ ...watch, watchId: 6, sandbox });
    expect(server.watchId).to.equal(6);
    await handlers['fs/watchMissing']({ ...watch, watchId: 7 });
    expect(server.watchId).to.equal(undefined);
    expect(places().filter(place => place.startsWith('sandbox'))).to.deep.equal(['sandbox fs/watchMissing']);
  });
});
