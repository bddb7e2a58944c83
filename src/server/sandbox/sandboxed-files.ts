import { fileHandleExists, limitExceeded } from '../../protocol/errors.ts';
import type { LocalFiles } from '../files/file-handlers.ts';
import {
  type FileHandlers,
  type FileMethod,
  type FileParams,
  type FileResult,
  fileHandlers,
} from '../files/file-methods.ts';
import { MAX_OPEN_FILES } from '../files/limits.ts';
import type { PooledServer, ServerPool } from './server-pool.ts';

/**
 * Wraps the file methods: a request with a sandbox, or with a handle that was opened in one, is forwarded to a server
 * in that sandbox. A check of paths in this process would race with processes that create symbolic links.
 */
export const withSandboxes = (
  local: LocalFiles,
  pool: Pick<ServerPool, 'servers' | 'serverFor' | 'request'>,
): FileHandlers => {
  let lastWatchId = -1;

  const holderOf = (handleId: string) => pool.servers.find(({ handles }) => handles.has(handleId));

  const serverFor = (method: FileMethod, params: FileParams<FileMethod>): PooledServer | undefined => {
    if ('sandbox' in params && params.sandbox !== undefined) return pool.serverFor(params.sandbox);
    return 'handleId' in params && method !== 'fs/open' ? holderOf(params.handleId) : undefined;
  };

  /** Handles a request in this server, or here if there is none. */
  const handleIn = <Method extends FileMethod>(
    server: PooledServer | undefined,
    method: Method,
    params: FileParams<Method>,
  ): Promise<FileResult<Method>> => {
    const unsandboxed = { ...params, sandbox: undefined };
    if (server === undefined) return local.handlers[method](unsandboxed);
    return pool.request(server, method, unsandboxed) as Promise<FileResult<Method>>;
  };

  return {
    ...fileHandlers(method => async params => handleIn(serverFor(method, params), method, params)),
    'fs/open': async params => {
      const { handleId } = params;
      const server = serverFor('fs/open', params);
      if (holderOf(handleId) !== undefined) throw fileHandleExists(handleId);
      if (server === undefined) return handleIn(server, 'fs/open', params);
      if (local.isOpen(handleId)) throw fileHandleExists(handleId);
      const count = pool.servers.reduce((sum, { handles }) => sum + handles.size, 1);
      if (count > MAX_OPEN_FILES) throw limitExceeded('openFiles', count, MAX_OPEN_FILES);
      server.handles.add(handleId);
      try {
        return await handleIn(server, 'fs/open', params);
      } catch (error) {
        server.handles.delete(handleId);
        throw error;
      }
    },
    'fs/close': async params => {
      const server = serverFor('fs/close', params);
      server?.handles.delete(params.handleId);
      return handleIn(server, 'fs/close', params);
    },
    // A connection has one watch: a new one ends the previous one, wherever that is.
    'fs/watchMissing': async params => {
      const { watchId } = params;
      const server = serverFor('fs/watchMissing', params);
      if (server !== undefined) await handleIn(undefined, 'fs/watchMissing', { ...params, missing: [] });
      const isNew = watchId > lastWatchId;
      if (isNew) {
        lastWatchId = watchId;
        for (const other of pool.servers) other.watchId = undefined;
      }
      if (server !== undefined) {
        if (!isNew) return { watching: false };
        server.watchId = watchId;
      }
      return handleIn(server, 'fs/watchMissing', params);
    },
  };
};
