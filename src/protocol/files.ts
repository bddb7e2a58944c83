import * as z from 'zod/mini';
import { notification, request } from './define.ts';
import { Bytes, CarriedBytes, flag, maybe, pathText, withDefault } from './fields.ts';
import { MAX_WALK_DEPTH, MAX_WALK_DIRECTORIES, MAX_WALK_ENTRIES } from './limits.ts';
import { sandboxField } from './sandbox.ts';

const path = (meaning: string) =>
  pathText().check(z.describe(`${meaning}: a \`file:\` URI or an absolute path of the server.`));

const uri = (meaning: string) => z.string().check(z.describe(`${meaning}, as a \`file:\` URI.`));

const atLeast0 = (meaning: string) => z.int().check(z.nonnegative(), z.describe(meaning));

/** What narrows an access: done or refused. */
const narrowing = {
  sandbox: sandboxField('the access'),
  followSymlinks: maybe(
    z.boolean().check(z.describe('`false` is refused: links in a path are always followed.')),
  ),
};

const fileMode = maybe(
  z
    .int()
    .check(
      z.minimum(0),
      z.maximum(0o777),
      z.describe(
        'The permission bits that the file gets, whatever the umask. Unless given, a new file gets what the umask leaves of 0666, and an existing one keeps its own.',
      ),
    ),
);

const handleId = z
  .string()
  .check(z.describe("The client's own name for the open file: any text of up to 32 bytes."));

const offset = atLeast0('Where in the file, in bytes from its beginning.');

const nothing = z.object({});

export const fsReadFile = request('fs/readFile', () => ({
  doc: 'Reads a whole file. One that is too long for one answer is refused: read it with `fs/open` and `fs/readBlock`.',
  params: z.object({ path: path('The file'), ...narrowing }),
  result: z.object({ dataBase64: CarriedBytes.check(z.describe('Its bytes as base64.')) }),
}));

export const fsWriteFile = request('fs/writeFile', () => ({
  doc: 'Writes a whole file: creates it, or replaces what it holds. A link is followed.',
  params: z.object({
    path: path('The file'),
    // Text, since other base64 than this is a refused request here, and wrong params everywhere else.
    dataBase64: z.string().check(z.describe('Bytes as base64 with padding.')),
    atomic: flag(
      'Whether to write a file beside it and put that in its place when it is complete: whoever reads finds the old content or the new. Refused where owner or hard links would be lost.',
    ),
    fileMode,
    ...narrowing,
  }),
  result: nothing,
}));

export const fsCreateDirectory = request('fs/createDirectory', () => ({
  doc: 'Creates a directory.',
  params: z.object({
    path: path('The directory'),
    recursive: withDefault(
      z
        .boolean()
        .check(z.describe('Whether to create what is missing above it, and take one that is there already.')),
      true,
    ),
    ...narrowing,
  }),
  result: nothing,
}));

export const fsGetMetadata = request('fs/getMetadata', () => ({
  doc: 'Asks what a path is. A link is followed; one that leads nowhere is `fileNotFound`.',
  params: z.object({ path: path('What to look at'), ...narrowing }),
  result: z.object({
    isDirectory: z.boolean().check(z.describe('Whether it is a directory, or a link to one.')),
    isFile: z.boolean().check(z.describe('Whether it is a regular file, or a link to one.')),
    isSymlink: z.boolean().check(z.describe('Whether the path itself is a symbolic link.')),
    size: atLeast0('Its length in bytes; a file of /proc has 0, whatever it holds.'),
    createdAtMs: z.int().check(z.describe('When it was created, in milliseconds since 1970; 0 if unknown.')),
    modifiedAtMs: z.int().check(z.describe('When its content last changed.')),
    mode: maybe(
      z
        .int()
        .check(z.minimum(0), z.maximum(0o7777), z.describe('Its permission bits, such as 420 for 0644.')),
    ),
  }),
}));

export const fsCanonicalize = request('fs/canonicalize', () => ({
  doc: 'Resolves every link, `.` and `..` in the path of something that exists.',
  params: z.object({ path: path('What to resolve'), ...narrowing }),
  result: z.object({ path: uri('The same, without links') }),
}));

export const fsReadDirectory = request('fs/readDirectory', () => ({
  doc: 'Lists a directory, in the order of the bytes of the names. Links are followed; one that leads nowhere is neither file nor directory.',
  params: z.object({ path: path('The directory'), ...narrowing }),
  result: z.object({
    entries: z
      .array(
        z.object({
          fileName: z.string().check(z.describe('The name alone.')),
          isDirectory: z.boolean().check(z.describe('Whether it is a directory, or a link to one.')),
          isFile: z.boolean().check(z.describe('Whether it is a regular file, or a link to one.')),
          isSymlink: maybe(z.boolean().check(z.describe('Whether it is a symbolic link.'))),
          fileNameBase64: maybe(
            Bytes.check(
              z.describe('The bytes of a name that is not UTF-8; `fileName` then is no name of anything.'),
            ),
          ),
        }),
      )
      .check(z.describe('What is in it, without `.` and `..`.')),
  }),
}));

export const fsWalk = request('fs/walk', () => ({
  doc: `Lists a tree: first what is in the directory, then what is in its directories, level by level; in each
directory in the order of the bytes of the names. The directory itself is not listed.`,
  params: z.object({
    path: path('The directory'),
    options: z
      .object({
        maxDepth: withDefault(
          atLeast0('How many levels of directories to enter; 0 lists one directory.'),
          MAX_WALK_DEPTH,
        ),
        maxDirectories: withDefault(atLeast0('How many directories to enter at most.'), MAX_WALK_DIRECTORIES),
        maxEntries: withDefault(
          atLeast0('How many names to look at at most, listed or not.'),
          MAX_WALK_ENTRIES,
        ),
        followDirectorySymlinks: flag(
          'Whether to enter links to directories, each directory once. Otherwise a link is not entered, not even as `path`.',
        ),
        pruneHiddenDirectories: flag(
          'Whether to list directories whose name begins with a dot without entering them.',
        ),
        allKinds: flag('Whether to list links and special files, too.'),
      })
      .check(z.describe('How far to go.')),
    ...narrowing,
  }),
  result: z.object({
    entries: z
      .array(
        z.object({
          path: uri('Where it is, under `path` as given'),
          kind: z
            .enum(['file', 'directory', 'symlink', 'other'])
            .check(z.describe('The last two only with `allKinds`. A link that is entered is a `directory`.')),
        }),
      )
      .check(z.describe('What is there.')),
    errors: z
      .array(
        z.object({
          path: uri('What could not be looked at'),
          message: z.string().check(z.describe('Why, for people.')),
          errno: maybe(z.string().check(z.describe("The system's name for it, such as `EACCES`."))),
        }),
      )
      .check(z.describe('What could not be read.')),
    truncated: z.boolean().check(z.describe('Whether a bound was reached, so that something is missing.')),
  }),
}));

export const fsRemove = request('fs/remove', () => ({
  doc: '**Removes with everything in it unless told otherwise.** A link is removed, not what it leads to.',
  params: z.object({
    path: path('What to remove'),
    recursive: withDefault(
      z
        .boolean()
        .check(z.describe('Whether to remove a directory that is not empty, with all that is in it.')),
      true,
    ),
    force: withDefault(z.boolean().check(z.describe('Whether nothing there is as good as removed.')), true),
    ...narrowing,
  }),
  result: nothing,
}));

export const fsCopy = request('fs/copy', () => ({
  doc: 'Copies a file, a link (as a link) or a directory with all that is in it, permission bits included. A file is written over an existing one, a directory into an existing one or a new one with all above it; a link must not exist yet. Nothing is ever copied onto or into itself.',
  params: z.object({
    sourcePath: path('What to copy'),
    destinationPath: path('What the copy is to be called'),
    recursive: z.boolean().check(z.describe('Must be `true` for a directory.')),
    ...narrowing,
  }),
  result: z.object({
    skipped: maybe(
      z
        .array(z.string())
        .check(
          z.describe(
            'Special files in the directory, as `file:` URIs: they were not copied. 1,000 at most; absent if there are none.',
          ),
        ),
    ),
  }),
}));

export const fsOpen = request('fs/open', () => ({
  doc: 'Opens a regular file, to be read or written in blocks. It is closed by `fs/close`, or with the connection.',
  params: z.object({
    handleId,
    path: path('The file'),
    mode: withDefault(
      z
        .enum(['read', 'replace', 'create', 'update'])
        .check(
          z.describe(
            '`read`; or write: `replace` creates it or empties it, `create` refuses an existing one, `update` creates it or keeps what it holds.',
          ),
        ),
      'read',
    ),
    atomic: flag(
      'With `replace`: whether nothing is to be seen of it before `fs/close`, as in `fs/writeFile`. If it is never closed, nothing has happened.',
    ),
    fileMode,
    ...narrowing,
  }),
  result: z.object({ handleId }),
}));

export const fsReadBlock = request('fs/readBlock', () => ({
  doc: 'Reads a part of an open file.',
  params: z.object({
    handleId,
    offset,
    len: z.int().check(z.nonnegative(), z.describe('How much to read: 1 to 1,048,576 bytes.')),
  }),
  result: z.object({
    chunk: CarriedBytes,
    eof: z.boolean().check(z.describe('Whether there was less than asked for: the file ends here.')),
  }),
}));

export const fsWriteBlock = request('fs/writeBlock', () => ({
  doc: 'Writes a part of an open file. Several may be under way; they are written in the order in which they were sent.',
  params: z.object({
    handleId,
    offset,
    chunk: CarriedBytes.check(z.describe('1 to 1,048,576 bytes as base64 with padding.')),
  }),
  result: nothing,
}));

export const fsClose = request('fs/close', () => ({
  doc: `Closes an open file after all that was asked of it. An atomic one is put in its place now; with an error, or where
the content is not what was expected, it is dropped. The handle is closed in any case, and closing it twice is harmless.`,
  params: z.object({
    handleId,
    expectSize: maybe(atLeast0('How long the file must be now, in bytes.')),
    expectSha256: maybe(
      z
        .string()
        .check(
          z.regex(/^[0-9a-f]{64}$/i, 'expected 64 hexadecimal digits'),
          z.describe(
            'The SHA-256 of what the file must hold now, in hexadecimal; it is read again for that.',
          ),
        ),
    ),
    discard: flag('Whether to drop what was written, if it is atomic.'),
  }),
  result: nothing,
}));

export const fsWatchMissing = request('fs/watchMissing', () => ({
  doc: `Waits for one of several missing paths to appear, or for one to vanish: then \`fs/missingChanged\` comes, once.
There is one such watch on a connection: a call with a higher \`watchId\` takes the place of the one before.`,
  params: z.object({
    watchId: atLeast0("The client's number for this watch, higher than those before."),
    missing: z
      .array(pathText())
      .check(z.describe('Paths that do not exist, as `file:` URIs or absolute paths of the server.')),
    present: maybe(path('Something that exists and is to stay')),
    ...narrowing,
  }),
  result: z.object({
    watching: z
      .boolean()
      .check(
        z.describe(
          'Whether the server watches. It does not where things are no longer so, for a number that is not higher, without paths, or with more than 64.',
        ),
      ),
  }),
}));

export const fsMissingChanged = notification('fs/missingChanged', () => ({
  doc: 'What `fs/watchMissing` waited for has happened, and the watch is over.',
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
