import * as z from 'zod/mini';
import { EnvBase } from '../shared-config/index.ts';
import { explanation } from './environment.ts';
import { maybe } from './fields.ts';

const text = (meaning: string) => z.string().check(z.describe(meaning));
const number = (meaning: string) => z.int().check(z.describe(meaning));

const nothing = z.object({});
const ofProcess = z.object({ processId: text('The id of the process.') });
const ofHandle = z.object({ handleId: text('The id of the open file.') });
const ofField = z.object({ field: text('The field: `argv[1]`, `sandbox`, …') });
const ofPath = z.object({
  errno: text('The error of the system, such as `ENOENT`.'),
  path: text('The path that caused it.'),
});

const limit = {
  current: number('The number that is too large.'),
  max: number('The largest number that is allowed.'),
};

const PathOrigin = z.extend(explanation(), {
  base: maybe(EnvBase.check(z.describe('The base of the policy, if there is one.'))),
});

/** The stage of a start that failed. */
const LaunchStage = z
  .enum(['cwd', 'resolve', 'permission', 'pty', 'sandbox', 'spawn'])
  .check(z.describe('The stage of the start that failed.'));
export type LaunchStage = z.output<typeof LaunchStage>;

/** The property of a path because of which a file request is refused. */
const FileRefusal = z
  .enum([
    'notAFile',
    'directory',
    'specialFile',
    'sameFile',
    'intoItself',
    'root',
    'owner',
    'hardLinks',
    'attributes',
    'symlink',
  ])
  .check(z.describe('The property of the path because of which the request is refused.'));
export type FileRefusal = z.output<typeof FileRefusal>;

/** The fields of `data` next to `kind`, for each kind of error that a server sends. */
export const errorData = {
  parseError: nothing,
  invalidMessage: nothing,
  frameTooLarge: z.object({ limit: z.literal('frameBytes'), ...limit }),
  notInitialized: z.object({
    missing: z.enum(['initialize', 'initialized']).check(z.describe('The message that is missing.')),
  }),
  alreadyInitialized: nothing,
  resumeUnavailable: nothing,
  sessionUnknown: nothing,
  sessionExpired: nothing,
  sessionElsewhere: z.object({ host: text('The name of the host.') }),
  sessionTaken: nothing,
  replayLost: nothing,
  shuttingDown: nothing,
  processExists: ofProcess,
  startCancelled: ofProcess,
  unknownProcess: ofProcess,
  httpRequestExists: z.object({ requestId: text('The id of the HTTP request.') }),
  unsupported: ofField,
  limitExceeded: z.object({ limit: text('The name of the limit, see docs/errors.md.'), ...limit }),
  outOfRange: z.object({
    field: text('The field.'),
    current: number('Its value.'),
    min: number('The smallest value that is allowed.'),
    max: number('The largest value that is allowed.'),
  }),
  permissionDenied: ofPath,
  fileRefused: z.object({ reason: FileRefusal, path: text('The path.') }),
  invalidContent: ofField,
  contentMismatch: z.object({
    what: z.enum(['size', 'sha256']).check(z.describe('The property that differs.')),
    path: text('The path of the file.'),
    expected: text('The expected value.'),
    actual: text('The value that was found.'),
  }),
  fileHandleExists: ofHandle,
  fileHandleMode: z.object({
    handleId: text('The id of the open file.'),
    mode: text('The mode in which it is open.'),
  }),
  unknownFileHandle: ofHandle,
  fileNotFound: ofPath,
  unknownMethod: z.object({ method: text('The method, or its first 256 characters.') }),
  invalidParams: ofField,
  launchFailed: z.object({
    stage: LaunchStage,
    errno: text('The error of the system, such as `ENOENT`.'),
    path: text('The path that caused it.'),
    searchedPath: maybe(z.array(z.string()).check(z.describe('The directories that were searched.'))),
    pathFrom: maybe(PathOrigin.check(z.describe('The origin of the `PATH` that was searched.'))),
  }),
  fileError: ofPath,
  httpFailed: z.object({
    host: text('The first host of the request.'),
    reason: text('The reason, for people.'),
    errno: maybe(text('The error of the system, if there was one.')),
  }),
  configInvalid: nothing,
  resourceShortage: z.object({ errno: text('The error of the system, such as `EMFILE`.') }),
  internal: nothing,
};
