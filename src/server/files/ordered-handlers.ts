import { outOfRange } from '../../protocol/errors.ts';
import { MAX_HANDLE_ID_BYTES } from '../../protocol/limits.ts';
import { type FileHandlers, type FileMethod, type FileParams, fileHandlers } from './file-methods.ts';
import { filePaths } from './file-path.ts';
import { MAX_WATCHED_PATHS } from './limits.ts';
import { handleUse, PathOrder, type PathUse, pathUse } from './path-order.ts';

/** Wraps handlers so that the requests about one path take effect in the order of the calls. */
export const inPathOrder = (handlers: FileHandlers, platform: NodeJS.Platform): FileHandlers => {
  const paths = filePaths(platform);
  const order = new PathOrder();
  const opened = new OpenedPaths();

  const pathUsesOf = <Method extends FileMethod>(method: Method, params: FileParams<Method>): PathUse[] =>
    NAMED_PATHS[method](params).flatMap(({ path, writes }) => {
      try {
        return [pathUse(paths.parse('path', path), writes, platform)];
      } catch {
        // The request is refused later, by its handler.
        return [];
      }
    });

  const ordered = fileHandlers(method => async params => {
    const uses = [...opened.usesOf(params), ...pathUsesOf(method, params)];
    return order.run(uses, () => handlers[method](params));
  });
  return {
    ...ordered,
    'fs/open': async params => {
      const { handleId } = params;
      const [use] = pathUsesOf('fs/open', params);
      const isNew = use !== undefined && opened.add(handleId, use);
      try {
        return await ordered['fs/open'](params);
      } catch (error) {
        if (isNew) opened.delete(handleId, use);
        throw error;
      }
    },
    'fs/close': params => {
      const answer = ordered['fs/close'](params);
      opened.delete(params.handleId);
      return answer;
    },
  };
};

/** The paths of open files by handle. Requests for a handle that is not remembered are only ordered by the handle. */
class OpenedPaths {
  readonly #uses = new Map<string, PathUse>();

  /** Returns the uses of a request that names a handle. */
  usesOf(params: FileParams<FileMethod>): PathUse[] {
    if (!('handleId' in params)) return [];
    const { handleId } = params;
    const bytes = Buffer.byteLength(handleId);
    if (bytes > MAX_HANDLE_ID_BYTES) throw outOfRange('handleId', bytes, 0, MAX_HANDLE_ID_BYTES);
    const path = this.#uses.get(handleId);
    return [handleUse(handleId), ...(path === undefined ? [] : [path])];
  }

  /** Returns false if the handle is in use: then the request to open it is refused. */
  add(handleId: string, use: PathUse): boolean {
    if (this.#uses.has(handleId)) return false;
    this.#uses.set(handleId, use);
    const [oldest] = this.#uses.keys();
    // Handles in a sandboxed server that ends are never closed.
    if (this.#uses.size > MAX_REMEMBERED_HANDLES && oldest !== undefined) this.#uses.delete(oldest);
    return true;
  }

  /** Removes a handle, or only this use of it. */
  delete(handleId: string, use = this.#uses.get(handleId)): void {
    if (this.#uses.get(handleId) === use) this.#uses.delete(handleId);
  }
}

/** More than a client that waits for its answers can have open. */
const MAX_REMEMBERED_HANDLES = 1024;

type NamedPath = { readonly path: string; readonly writes: boolean };

const reads = ({ path }: { readonly path: string }): NamedPath[] => [{ path, writes: false }];
const writes = ({ path }: { readonly path: string }): NamedPath[] => [{ path, writes: true }];
const none = (): NamedPath[] => [];

/** The paths that the requests of each method name. */
const NAMED_PATHS: { readonly [Method in FileMethod]: (params: FileParams<Method>) => NamedPath[] } = {
  'fs/readFile': reads,
  'fs/writeFile': writes,
  'fs/createDirectory': writes,
  'fs/getMetadata': reads,
  'fs/canonicalize': reads,
  'fs/readDirectory': reads,
  'fs/walk': reads,
  'fs/remove': writes,
  'fs/copy': ({ sourcePath, destinationPath }) => [
    ...reads({ path: sourcePath }),
    ...writes({ path: destinationPath }),
  ],
  'fs/open': ({ path, mode }) => [{ path, writes: mode !== 'read' }],
  'fs/readBlock': none,
  'fs/writeBlock': none,
  'fs/close': none,
  'fs/watchMissing': ({ missing, present }) =>
    // A longer list is not watched at all.
    missing.length > MAX_WATCHED_PATHS
      ? []
      : [...missing, ...(present === undefined ? [] : [present])].flatMap(path => reads({ path })),
};
