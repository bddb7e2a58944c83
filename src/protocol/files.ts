import * as z from 'zod/mini';
import { notification, request } from './define.ts';
import { Bytes, CarriedBytes, flag, maybe, pathText, withDefault } from './fields.ts';
import { MAX_WALK_DEPTH, MAX_WALK_DIRECTORIES, MAX_WALK_ENTRIES } from './limits.ts';
import { sandboxField } from './sandbox.ts';

const path = (meaning: string) =>
  pathText().check(z.describe(`${meaning}: a \`file:\` URI or an absolute path of the server.`));

const uri = (meaning: string) => z.string().check(z.describe(`${meaning}, as a \`file:\` URI.`));

const atLeast0 = (meaning: string) => z.int().check(z.nonnegative(), z.describe(meaning));

/** Restrictions of a file request: enforced or refused. */
const restrictions = {
  sandbox: sandboxField('the request'),
  followSymlinks: maybe(
    z
      .boolean()
      .check(
        z.describe(
          '`false` refuses a symbolic link in the path, also at its end. Not every method and system can: then it is refused.',
        ),
      ),
  ),
};

const fileMode = maybe(
  z
    .int()
    .check(
      z.minimum(0),
      z.maximum(0o777),
      z.describe(
        'Permission bits of the file, independent of the umask. Default: 0666 without the umask for a new file; an existing file keeps its bits.',
      ),
    ),
);

const handleId = z
  .string()
  .check(z.describe("The client's id of the open file: any text of up to 32 bytes."));

const offset = atLeast0('Position in the file, in bytes.');

const nothing = () => z.object({});

export const fsReadFile = request('fs/readFile', () => ({
  doc: 'Reads a whole file. A file that is too long for one answer is refused: use `fs/open` and `fs/readBlock`.',
  params: z.object({ path: path('The file'), ...restrictions }),
  result: z.object({ dataBase64: CarriedBytes.check(z.describe('Its bytes as base64.')) }),
}));

export const fsWriteFile = request('fs/writeFile', () => ({
  doc: 'Writes a whole file: creates it, or replaces its contents. A link is followed.',
  params: z.object({
    path: path('The file'),
    // Text, because malformed base64 has the code -32600 here, and -32602 in every other method.
    dataBase64: z.string().check(z.describe('Bytes as base64 with padding.')),
    atomic: flag(
      'True to write a temporary file and rename it when it is complete: readers see the old contents or the new. Refused if owner, access control list, extended attributes or hard links would be lost.',
    ),
    fileMode,
    ...restrictions,
  }),
  result: nothing(),
}));

export const fsCreateDirectory = request('fs/createDirectory', () => ({
  doc: 'Creates a directory.',
  params: z.object({
    path: path('The directory'),
    recursive: withDefault(
      z.boolean().check(z.describe('True to create missing parents, and to accept an existing directory.')),
      true,
    ),
    ...restrictions,
  }),
  result: nothing(),
}));

export const fsGetMetadata = request('fs/getMetadata', () => ({
  doc: 'Returns the metadata of a path. A link is followed; a dangling one is `fileNotFound`.',
  params: z.object({ path: path('What to look at'), ...restrictions }),
  result: z.object({
    isDirectory: z.boolean().check(z.describe('True for a directory, or a link to one.')),
    isFile: z.boolean().check(z.describe('True for a regular file, or a link to one.')),
    isSymlink: z.boolean().check(z.describe('True if the path itself is a symbolic link.')),
    size: atLeast0('Its length in bytes; a file of /proc has 0, whatever it holds.'),
    createdAtMs: z
      .int()
      .check(z.describe('Time of its creation, in milliseconds since the epoch; 0 if unknown.')),
    modifiedAtMs: z.int().check(z.describe('Time of the last change of its contents.')),
    mode: maybe(
      z
        .int()
        .check(z.minimum(0), z.maximum(0o7777), z.describe('Its permission bits, such as 420 for 0644.')),
    ),
  }),
}));

export const fsCanonicalize = request('fs/canonicalize', () => ({
  doc: 'Resolves every link, `.` and `..` in an existing path.',
  params: z.object({ path: path('What to resolve'), ...restrictions }),
  result: z.object({ path: uri('The same, without links') }),
}));

export const fsReadDirectory = request('fs/readDirectory', () => ({
  doc: 'Lists a directory in the byte order of the names. Links are followed; a dangling one is neither file nor directory.',
  params: z.object({ path: path('The directory'), ...restrictions }),
  result: z.object({
    entries: z
      .array(
        z.object({
          fileName: z.string().check(z.describe('Its name.')),
          isDirectory: z.boolean().check(z.describe('True for a directory, or a link to one.')),
          isFile: z.boolean().check(z.describe('True for a regular file, or a link to one.')),
          isSymlink: maybe(z.boolean().check(z.describe('True for a symbolic link.'))),
          fileNameBase64: maybe(
            Bytes.check(z.describe('The bytes of a name that is not UTF-8; `fileName` is then not usable.')),
          ),
        }),
      )
      .check(z.describe('Its entries, without `.` and `..`.')),
  }),
}));

export const fsWalk = request('fs/walk', () => ({
  doc: `Lists a tree level by level: the entries of the directory, then those of its directories, and so on, each
directory in the byte order of the names. The directory itself is not listed.`,
  params: z.object({
    path: path('The directory'),
    options: z
      .object({
        maxDepth: withDefault(
          atLeast0('Levels of directories to enter; 0 lists one directory.'),
          MAX_WALK_DEPTH,
        ),
        maxDirectories: withDefault(atLeast0('Directories to enter at most.'), MAX_WALK_DIRECTORIES),
        maxEntries: withDefault(atLeast0('Names to examine at most, listed or not.'), MAX_WALK_ENTRIES),
        followDirectorySymlinks: flag(
          'True to enter links to directories, each directory once. Otherwise no link is entered, not even `path`.',
        ),
        pruneHiddenDirectories: flag(
          'True to list directories whose name begins with a dot without entering them.',
        ),
        allKinds: flag('True to list links and special files, too.'),
      })
      .check(z.describe('Limits and options.')),
    ...restrictions,
  }),
  result: z.object({
    entries: z
      .array(
        z.object({
          path: uri('Its path, below `path` as given'),
          kind: z
            .enum(['file', 'directory', 'symlink', 'other'])
            .check(
              z.describe(
                'Its kind; the last two only with `allKinds`. A link that is entered is a `directory`.',
              ),
            ),
        }),
      )
      .check(z.describe('The entries.')),
    errors: z
      .array(
        z.object({
          path: uri('The path that could not be read'),
          message: z.string().check(z.describe('The reason, for people.')),
          errno: maybe(z.string().check(z.describe('The error of the system, such as `EACCES`.'))),
        }),
      )
      .check(z.describe('The paths that could not be read.')),
    truncated: z.boolean().check(z.describe('True if a limit was reached, so that the list is incomplete.')),
  }),
}));

export const fsRemove = request('fs/remove', () => ({
  doc: 'Removes a path; **a directory with everything in it by default.** A link itself is removed, not its target.',
  params: z.object({
    path: path('The path to remove'),
    recursive: withDefault(
      z.boolean().check(z.describe('True to remove a directory that is not empty, with everything in it.')),
      true,
    ),
    force: withDefault(z.boolean().check(z.describe('If true, a missing path is not an error.')), true),
    ...restrictions,
  }),
  result: nothing(),
}));

export const fsCopy = request('fs/copy', () => ({
  doc: 'Copies a file, a link (as a link) or a directory with everything in it, with permission bits. A file replaces an existing one; a directory is copied into an existing one, or a new one with its parents; a link must not exist yet. A path is never copied onto or into itself.',
  params: z.object({
    sourcePath: path('The path to copy'),
    destinationPath: path('The path of the copy'),
    recursive: z.boolean().check(z.describe('Must be `true` for a directory.')),
    ...restrictions,
  }),
  result: z.object({
    skipped: maybe(
      z
        .array(z.string())
        .check(
          z.describe(
            'Special files that were not copied, as `file:` URIs; at most 1,000, absent if there are none.',
          ),
        ),
    ),
  }),
}));

export const fsOpen = request('fs/open', () => ({
  doc: 'Opens a regular file for reading or writing in blocks. `fs/close`, or the end of the connection, closes it.',
  params: z.object({
    handleId,
    path: path('The file'),
    mode: withDefault(
      z
        .enum(['read', 'replace', 'create', 'update'])
        .check(
          z.describe(
            '`read`, or one to write: `replace` creates or empties it, `create` refuses an existing one, `update` creates it or keeps its contents.',
          ),
        ),
      'read',
    ),
    atomic: flag(
      'With `replace`: true to show the new contents only at `fs/close`, as in `fs/writeFile`. Without `fs/close` the file stays as it is.',
    ),
    fileMode,
    ...restrictions,
  }),
  result: z.object({ handleId }),
}));

export const fsReadBlock = request('fs/readBlock', () => ({
  doc: 'Reads a part of an open file.',
  params: z.object({
    handleId,
    offset,
    len: z.int().check(z.nonnegative(), z.describe('Length of the block: 1 to 1,048,576 bytes.')),
  }),
  result: z.object({
    chunk: CarriedBytes,
    eof: z.boolean().check(z.describe('True if the block is shorter than requested: the file ends here.')),
  }),
}));

export const fsWriteBlock = request('fs/writeBlock', () => ({
  doc: 'Writes a part of an open file. Several writes may be pending; they are done in the order in which they were sent.',
  params: z.object({
    handleId,
    offset,
    chunk: CarriedBytes.check(z.describe('1 to 1,048,576 bytes as base64 with padding.')),
  }),
  result: nothing(),
}));

export const fsClose = request('fs/close', () => ({
  doc: `Closes an open file after its pending requests. An atomic write takes effect now; after an error, or if the contents
are not as expected, it is discarded. The handle is closed in any case. Idempotent.`,
  params: z.object({
    handleId,
    expectSize: maybe(atLeast0('Expected size of the file, in bytes.')),
    expectSha256: maybe(
      z
        .string()
        .check(
          z.regex(/^[0-9a-fA-F]{64}$/, 'expected 64 hexadecimal digits'),
          z.describe('Expected SHA-256 of the contents, in hexadecimal; the file is read again for it.'),
        ),
    ),
    discard: flag('True to discard an atomic write.'),
  }),
  result: nothing(),
}));

export const fsWatchMissing = request('fs/watchMissing', () => ({
  doc: `Waits for one of several missing paths to appear, or for a present one to disappear; then \`fs/missingChanged\` is
sent once. A connection has one such watch: a call with a higher \`watchId\` replaces the previous one.`,
  params: z.object({
    watchId: atLeast0("The client's number for this watch, higher than those before."),
    missing: z
      .array(pathText())
      .check(z.describe('Paths that do not exist, as `file:` URIs or absolute paths of the server.')),
    present: maybe(path('A path that exists')),
    ...restrictions,
  }),
  result: z.object({
    watching: z
      .boolean()
      .check(
        z.describe(
          'True if the server watches. It does not if the paths have changed already, if `watchId` is not higher, without paths, or with more than 64.',
        ),
      ),
  }),
}));

export const fsMissingChanged = notification('fs/missingChanged', () => ({
  doc: 'The event that `fs/watchMissing` waited for has happened, and the watch is over.',
  params: z.object({ watchId: atLeast0('The number of the watch.') }),
}));

/** The requests of this file by wire name. */
export const fileRequests = {
  'fs/readFile': fsReadFile,
  'fs/writeFile': fsWriteFile,
  'fs/createDirectory': fsCreateDirectory,
  'fs/getMetadata': fsGetMetadata,
  'fs/canonicalize': fsCanonicalize,
  'fs/readDirectory': fsReadDirectory,
  'fs/walk': fsWalk,
  'fs/remove': fsRemove,
  'fs/copy': fsCopy,
  'fs/open': fsOpen,
  'fs/readBlock': fsReadBlock,
  'fs/writeBlock': fsWriteBlock,
  'fs/close': fsClose,
  'fs/watchMissing': fsWatchMissing,
} as const;

/** The notifications of this file by wire name. */
export const fileNotifications = {
  'fs/missingChanged': fsMissingChanged,
} as const;
