import { realpath } from 'node:fs/promises';
import {
  fileHandleMode,
  invalidContent,
  invalidParams,
  outOfRange,
  unsupported,
} from '../../protocol/errors.ts';
import { fsMissingChanged } from '../../protocol/files.ts';
import { MAX_BLOCK_BYTES } from '../../protocol/limits.ts';
import type { AnswerMemory } from '../memory/answer-memory.ts';
import type { PartialAnswers } from '../memory/partial-answers.ts';
import type { Outlet } from '../outlet.ts';
import { Admission } from './admission.ts';
import { copy } from './copy.ts';
import { createDirectory } from './create-directory.ts';
import { decodeContent } from './decode-content.ts';
import { onPath } from './file-errors.ts';
import { type FileHandlers, fileHandlers } from './file-methods.ts';
import { decoded, type FilePaths, filePaths } from './file-path.ts';
import { MAX_LISTING_BYTES, MAX_OPEN_FILES, MAX_WATCHED_PATHS, maxReadFileBytes } from './limits.ts';
import { getMetadata } from './metadata.ts';
import { MissingWatch } from './missing-watch.ts';
import { OpenFile } from './open-file.ts';
import { OpenFiles } from './open-files.ts';
import { atPlace } from './place.ts';
import { readDirectory } from './read-directory.ts';
import { readWholeFile } from './read-file.ts';
import { statIfExists } from './regular-file.ts';
import { remove } from './remove.ts';
import { walk } from './walk.ts';
import { writeWholeFile } from './write-file.ts';

export type LocalFilesContext = {
  readonly platform: NodeJS.Platform;
  readonly outbound: Pick<Outlet, 'notify'>;
  readonly answers: AnswerMemory;
  readonly parts: PartialAnswers;
  readonly maxFrameBytes: number;
};

/** The file methods of one connection, done in this process with the permissions of its account. */
export type LocalFiles = {
  readonly handlers: FileHandlers;
  /** True if this handle is open or being opened. */
  isOpen(handleId: string): boolean;
  /** Refuses further requests, waits a limited time for pending ones, and drops the files that are open. */
  stop(): Promise<void>;
};

export const createLocalFiles = (context: LocalFilesContext): LocalFiles => {
  const paths = filePaths(context.platform);
  const admission = new Admission(context.answers, context.parts);
  const openFiles = new OpenFiles(MAX_OPEN_FILES);
  const watch = new MissingWatch(paths, watchId => context.outbound.notify(fsMissingChanged, { watchId }));
  const table: FileHandlers = {
    ...contentHandlers(paths, admission, maxReadFileBytes(context.maxFrameBytes)),
    ...treeHandlers(paths, admission, Math.min(MAX_LISTING_BYTES, maxReadFileBytes(context.maxFrameBytes))),
    ...handleHandlers(paths, admission, openFiles),
    ...watchHandlers(paths, watch),
  };
  return {
    handlers: fileHandlers(method => params => admission.run(method, params, () => table[method](params))),
    isOpen: handleId => openFiles.has(handleId),
    stop: () => {
      watch.stop();
      return admission.stop(() => openFiles.abandonAll());
    },
  };
};

const contentHandlers = (
  paths: FilePaths,
  admission: Admission,
  maxBytes: number,
): Pick<FileHandlers, 'fs/readFile' | 'fs/writeFile' | 'fs/getMetadata' | 'fs/canonicalize'> => ({
  'fs/readFile': async ({ path, followSymlinks }) => {
    const file = paths.parse('path', path);
    const size = await admission.lookingUp(followSymlinks, () =>
      atPlace(file, { followSymlinks }, paths, async ({ uri, location }) => {
        return (await onPath(uri, () => statIfExists(location)))?.size ?? 0;
      }),
    );
    return admission.reading(Math.min(size, maxBytes), () =>
      atPlace(file, { followSymlinks }, paths, async place => ({
        dataBase64: await readWholeFile(place, maxBytes),
      })),
    );
  },
  'fs/writeFile': async ({ path, dataBase64, atomic, fileMode, followSymlinks }) => {
    const file = paths.parse('path', path);
    return admission.operation(async () => {
      const bytes = await decodeContent(dataBase64);
      if (bytes === undefined) throw invalidContent('dataBase64');
      await atPlace(file, { followSymlinks }, paths, place =>
        writeWholeFile(place, bytes, { atomic, fileMode }, paths),
      );
      return {};
    });
  },
  'fs/getMetadata': async ({ path, followSymlinks }) => {
    const file = paths.parse('path', path);
    return admission.lookingUp(followSymlinks, () => atPlace(file, { followSymlinks }, paths, getMetadata));
  },
  'fs/canonicalize': async ({ path }) => {
    const file = paths.parse('path', path);
    const real = await onPath(paths.uri(file), () => realpath(file, { encoding: 'buffer' }));
    return { path: paths.uri(decoded(real)) };
  },
});

const treeHandlers = (
  paths: FilePaths,
  admission: Admission,
  maxBytes: number,
): Pick<FileHandlers, 'fs/createDirectory' | 'fs/readDirectory' | 'fs/walk' | 'fs/remove' | 'fs/copy'> => ({
  'fs/createDirectory': async ({ path, recursive, followSymlinks }) => {
    const options = { followSymlinks, createParents: recursive };
    const directory = paths.parse('path', path);
    await admission.lookingUp(followSymlinks, () =>
      atPlace(directory, options, paths, place => createDirectory(place, recursive, paths)),
    );
    return {};
  },
  'fs/readDirectory': async ({ path }) => {
    const directory = paths.parse('path', path);
    return admission.listing(grow => readDirectory(directory, paths, maxBytes, grow));
  },
  'fs/walk': async ({ path, options }) => {
    const root = paths.parse('path', path);
    const { signal } = admission;
    return admission.listing(grow => walk(root, options, { paths, maxBytes, signal, grow }));
  },
  'fs/remove': async ({ path, recursive, force, followSymlinks }) => {
    const { signal } = admission;
    const file = paths.parse('path', path);
    await admission.operation(() =>
      atPlace(file, { followSymlinks }, paths, place =>
        remove(place, { recursive, force }, { paths, signal }),
      ),
    );
    return {};
  },
  'fs/copy': async ({ sourcePath, destinationPath, recursive }) => {
    const source = paths.parse('sourcePath', sourcePath);
    const destination = paths.parse('destinationPath', destinationPath);
    const { signal } = admission;
    return admission.growing(async grow => {
      const skipped = await copy(source, destination, recursive, { paths, signal, grow });
      return skipped.length === 0 ? {} : { skipped };
    });
  },
});

const handleHandlers = (
  paths: FilePaths,
  admission: Admission,
  openFiles: OpenFiles,
): Pick<FileHandlers, 'fs/open' | 'fs/readBlock' | 'fs/writeBlock' | 'fs/close'> => ({
  'fs/open': async ({ handleId, path, mode, atomic, fileMode, followSymlinks }) => {
    if (atomic && mode !== 'replace') throw invalidParams('atomic', 'requires mode "replace"');
    if (atomic && followSymlinks === false) {
      throw unsupported('followSymlinks', 'fs/open follows symbolic links with atomic; use fs/writeFile');
    }
    const file = paths.parse('path', path);
    await openFiles.open(handleId, () =>
      atPlace(file, { followSymlinks }, paths, place =>
        OpenFile.open(place, { mode, atomic, fileMode }, paths),
      ),
    );
    return { handleId };
  },
  'fs/readBlock': async ({ handleId, offset, len }) => {
    if (len < 1 || len > MAX_BLOCK_BYTES) throw outOfRange('len', len, 1, MAX_BLOCK_BYTES);
    return openFiles.use(handleId, async file => {
      if (file.mode !== 'read') throw fileHandleMode(handleId, file.mode);
      return admission.reading(len, () => file.read(offset, len));
    });
  },
  'fs/writeBlock': async ({ handleId, offset, chunk }) => {
    if (chunk.length < 1 || chunk.length > MAX_BLOCK_BYTES) {
      throw outOfRange('chunk', chunk.length, 1, MAX_BLOCK_BYTES);
    }
    return openFiles.use(handleId, async file => {
      if (file.mode === 'read') throw fileHandleMode(handleId, file.mode);
      await file.write(offset, chunk);
      return {};
    });
  },
  'fs/close': async ({ handleId, expectSize, expectSha256, discard }) => {
    await openFiles.close(handleId, { expectSize, expectSha256, discard });
    return {};
  },
});

const watchHandlers = (paths: FilePaths, watch: MissingWatch): Pick<FileHandlers, 'fs/watchMissing'> => ({
  'fs/watchMissing': async ({ watchId, missing, present }) => ({
    watching: await watch.start(watchId, {
      // A longer list is not watched at all.
      missing: (missing.length > MAX_WATCHED_PATHS ? [] : missing).map((path, index) =>
        paths.parse(`missing[${index}]`, path),
      ),
      present: present === undefined ? undefined : paths.parse('present', present),
    }),
  }),
});
