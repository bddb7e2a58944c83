import { fsMissingChanged } from '../protocol/files.ts';
import { createLocalFiles, type LocalFilesContext } from './files/file-handlers.ts';
import type { FileHandlers } from './files/file-methods.ts';
import { inPathOrder } from './files/ordered-handlers.ts';
import { withSandboxes } from './sandbox/sandboxed-files.ts';
import { ServerPool, type ServerPoolOptions } from './sandbox/server-pool.ts';

export type FileServiceContext = LocalFilesContext & Omit<ServerPoolOptions, 'missingChanged'>;

/** The file methods of one connection. */
export type FileService = {
  readonly handlers: FileHandlers;
  /** Refuses further requests, and ends the pending ones within a limited time. */
  stop(): Promise<void>;
};

/** Composes the file methods: requests about one path in order, each in its sandbox or in this process. */
export const createFileService = (context: FileServiceContext): FileService => {
  const local = createLocalFiles(context);
  const pool = new ServerPool({
    ...context,
    missingChanged: watchId => context.outbound.notify(fsMissingChanged, { watchId }),
  });
  return {
    handlers: inPathOrder(withSandboxes(local, pool), context.platform),
    stop: async () => {
      await Promise.all([pool.stop(), local.stop()]);
    },
  };
};
