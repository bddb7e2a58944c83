import { expect } from 'chai';
import fc from 'fast-check';
import type * as z from 'zod/mini';
import { Bytes } from '../../src/protocol/fields.ts';
import { typeName } from '../../src/protocol/json-schema.ts';
import {
  MAX_ARGUMENT_BYTES,
  MAX_ARGUMENTS,
  MAX_ARGUMENTS_LENGTH,
  MAX_EXPLAINED_NAMES,
  MAX_ID_BYTES,
  MAX_OUTPUT_WINDOW_BYTES,
  MAX_PATH_LENGTH,
  MIN_OUTPUT_WINDOW_BYTES,
} from '../../src/protocol/limits.ts';
import { clientNotifications, requests, serverNotifications } from '../../src/protocol/messages.ts';
import { parse } from '../../src/protocol/parse.ts';
import { TerminalSize } from '../../src/protocol/process.ts';
import { mismatch, strictMismatch } from '../support/wire-schema.ts';

/** One direction of one message: a full value and a minimal one as they are sent, and both as they are received. */
type Case = {
  readonly schema: z.ZodMiniType;
  readonly full: object;
  readonly fullArrives?: object;
  readonly least: object;
  readonly leastArrives?: object;
  /** Fields that may be `null`, which is the same as absent. */
  readonly optional?: readonly string[];
  /** Required fields in which `null` is a value. */
  readonly nullable?: readonly string[];
};

/** A sandbox with all fields. */
const sandbox = {
  permissions: {
    type: 'managed',
    file_system: {
      type: 'restricted',
      entries: [
        {
          path: { type: 'special', value: { kind: 'project_roots', subpath: '.git' } },
          access: 'read',
          missing_path_behavior: 'skip',
        },
        { path: { type: 'path', path: 'file:///a' }, access: 'none' },
      ],
    },
    network: 'restricted',
  },
  cwd: 'file:///proj',
  workspaceRoots: ['file:///proj'],
};

const info = {
  shell: { name: 'bash', path: '/bin/bash' },
  executorVersion: '1.2.3',
  platformOs: 'linux',
  temporaryDirectories: ['file:///tmp'],
  prependPathDirs: [],
  capabilities: { tty: false },
};
const fullInfo = {
  ...info,
  providerId: 'exec-server/1.2.3',
  cwd: 'file:///work',
  userHomeDir: 'file:///home/me',
  tempDir: 'file:///tmp',
};
const status = {
  version: '1.2.3',
  pid: 7,
  uptimeMs: 1000,
  rssBytes: 5e7,
  heapUsedBytes: 1e7,
  eventLoopDelayMs: { mean: 0.25, p99: 1.5, max: 3 },
  queuedBytes: 0,
  processes: 2,
};
const fileSandbox = { permissions: { type: 'disabled' }, workspaceRoots: [] };
const metadata = {
  isDirectory: false,
  isFile: true,
  isSymlink: false,
  size: 3,
  createdAtMs: 0,
  modifiedAtMs: -1,
};
const uris = ['cwd', 'userHomeDir', 'tempDir'];
const bytes = Buffer.from([0, 0xff, 0x0a]);
const chunk = bytes.toString('base64');
const streamBytes = { stdout: 3, stderr: 0, pty: 0 };

const cases: Record<string, Case> = {
  'initialize params': {
    schema: requests.initialize.params,
    full: {
      clientName: 'test',
      binaryFrames: true,
      outputWindowBytes: MIN_OUTPUT_WINDOW_BYTES,
      retainedBytes: 0,
      retainedMs: 0,
      session: { keepMs: 1, clientId: 'c' },
      resume: { sessionId: 's', receivedBytes: 0, clientId: 'c' },
      resumeSessionId: 'old',
    },
    least: { clientName: '' },
    leastArrives: { clientName: '', binaryFrames: false },
    optional: [
      'binaryFrames',
      'outputWindowBytes',
      'retainedBytes',
      'retainedMs',
      'session',
      'resume',
      'resumeSessionId',
    ],
  },
  'initialize result': {
    schema: requests.initialize.result,
    full: {
      sessionId: 's',
      environmentInfo: fullInfo,
      binaryFrames: true,
      limits: { processes: 9 },
      ttyUnavailable: 'why',
      session: { id: 'i', keepMs: 1, replayBytes: 2 },
      sessionUnavailable: 'why',
      resumed: true,
      receivedBytes: 0,
    },
    least: { sessionId: 's', environmentInfo: info },
    leastArrives: { sessionId: 's', environmentInfo: info, binaryFrames: false },
    optional: [
      'binaryFrames',
      'limits',
      'ttyUnavailable',
      'session',
      'sessionUnavailable',
      'resumed',
      'receivedBytes',
    ],
  },
  'session/ping params': { schema: requests['session/ping'].params, full: {}, least: {} },
  'session/ping result': { schema: requests['session/ping'].result, full: {}, least: {} },
  'shutdown params': { schema: requests.shutdown.params, full: {}, least: {} },
  'shutdown result': { schema: requests.shutdown.result, full: {}, least: {} },
  'session/ack params': {
    schema: clientNotifications['session/ack'].params,
    full: { bytes: 0 },
    least: { bytes: 0 },
  },
  'initialized params': { schema: clientNotifications.initialized.params, full: {}, least: {} },
  'environment/info params': { schema: requests['environment/info'].params, full: {}, least: {} },
  'environment/info result': {
    schema: requests['environment/info'].result,
    full: fullInfo,
    least: info,
    optional: ['providerId', ...uris],
  },
  'environment/status params': { schema: requests['environment/status'].params, full: {}, least: {} },
  'environment/status result': {
    schema: requests['environment/status'].result,
    full: { status: 'ready' },
    least: { status: 'ready' },
  },
  'environmentConfig/read params': {
    schema: requests['environmentConfig/read'].params,
    full: { cwd: 'file:///work', configPaths: [['a', 'b']], requirementsPaths: [['c']] },
    least: { configPaths: [], requirementsPaths: [] },
    optional: ['cwd'],
  },
  'environmentConfig/read result': {
    schema: requests['environmentConfig/read'].result,
    full: {
      userHomeDir: 'file:///home/me',
      codexHomeDir: 'file:///home/me/.codex',
      hostname: 'devbox',
      config: { layers: [{ source: 'user', baseDir: 'file:///x', toml: 'a = 1' }], cloudInsertionIndex: 0 },
      requirements: { layers: [], cloudInsertionIndex: 0 },
    },
    least: {
      userHomeDir: 'file:///home/me',
      codexHomeDir: 'file:///home/me/.codex',
      hostname: 'devbox',
      config: { layers: [], cloudInsertionIndex: 0 },
      requirements: { layers: [], cloudInsertionIndex: 0 },
    },
  },
  'http/request params': {
    schema: requests['http/request'].params,
    full: {
      requestId: 'r',
      method: 'GET',
      url: 'https://example.org/',
      headers: [{ name: 'a', value: 'b', valueEnvVar: 'C' }],
      bodyBase64: chunk,
      timeoutMs: 5,
      redirectPolicy: 'stop',
      streamResponse: true,
    },
    fullArrives: {
      requestId: 'r',
      method: 'GET',
      url: 'https://example.org/',
      headers: [{ name: 'a', value: 'b', valueEnvVar: 'C' }],
      bodyBase64: bytes,
      timeoutMs: 5,
      redirectPolicy: 'stop',
      streamResponse: true,
    },
    least: { requestId: 'r', method: 'GET', url: 'https://example.org/' },
    leastArrives: {
      requestId: 'r',
      method: 'GET',
      url: 'https://example.org/',
      headers: [],
      redirectPolicy: 'follow',
      streamResponse: false,
    },
    optional: ['headers', 'bodyBase64', 'timeoutMs', 'redirectPolicy', 'streamResponse'],
  },
  'http/request result': {
    schema: requests['http/request'].result,
    full: { status: 200, headers: [{ name: 'a', value: 'b' }], bodyBase64: chunk },
    fullArrives: { status: 200, headers: [{ name: 'a', value: 'b' }], bodyBase64: bytes },
    least: { status: 204, headers: [], bodyBase64: '' },
    leastArrives: { status: 204, headers: [], bodyBase64: Buffer.alloc(0) },
  },
  'http/request/bodyDelta params': {
    schema: serverNotifications['http/request/bodyDelta'].params,
    full: { requestId: 'r', seq: 1, deltaBase64: chunk, done: true, error: 'why' },
    fullArrives: { requestId: 'r', seq: 1, deltaBase64: bytes, done: true, error: 'why' },
    least: { requestId: 'r', seq: 1, deltaBase64: '', done: false, error: null },
    leastArrives: { requestId: 'r', seq: 1, deltaBase64: Buffer.alloc(0), done: false, error: null },
    nullable: ['error'],
  },
  'environment/explain params': {
    schema: requests['environment/explain'].params,
    full: { envPolicy: { base: 'login', exclude: ['A*'] }, env: { A: '1', GONE: null }, names: ['PATH'] },
    least: {},
    leastArrives: { env: {} },
    optional: ['envPolicy', 'env', 'names'],
  },
  'environment/explain result': {
    schema: requests['environment/explain'].result,
    full: {
      base: {
        base: 'process',
        attempts: [{ base: 'login', outcome: 'failed', reason: 'no answer', durationMs: 7 }],
      },
      variables: {
        A: { outcome: 'removed', by: 'exclude', pattern: 'A*' },
        PATH: { outcome: 'kept' },
        NOWHERE: { outcome: 'absent' },
      },
      counts: { kept: 1, removed: 1, set: 0 },
    },
    least: { variables: {}, counts: { kept: 0, removed: 0, set: 0 } },
    optional: ['base'],
  },
  'environment/refresh params': {
    schema: requests['environment/refresh'].params,
    full: { base: 'loginInteractive' },
    least: {},
    leastArrives: { base: 'process' },
    optional: ['base'],
  },
  'environment/refresh result': {
    schema: requests['environment/refresh'].result,
    full: {
      base: 'login',
      attempts: [
        { base: 'loginInteractive', outcome: 'failed', reason: 'no answer', durationMs: 7 },
        { base: 'login', outcome: 'resolved', durationMs: 0 },
      ],
    },
    least: { base: 'process', attempts: [] },
  },
  'server/status params': { schema: requests['server/status'].params, full: {}, least: {} },
  'server/status result': {
    schema: requests['server/status'].result,
    full: { ...status, openDescriptors: 20 },
    least: { ...status, rssBytes: null, openDescriptors: null },
    nullable: ['rssBytes', 'openDescriptors'],
  },
  'process/start params': {
    schema: requests['process/start'].params,
    full: {
      processId: 'p',
      argv: ['sh', '-c', 'true'],
      cwd: 'file:///work',
      env: { A: '1', GONE: null },
      envPolicy: {
        base: 'loginInteractive',
        inherit: 'core',
        ignoreDefaultExcludes: true,
        exclude: ['*_X'],
        secretValues: true,
        set: { B: '2' },
        includeOnly: ['A', 'B'],
        keepLocale: true,
      },
      metadata: { threadId: 't', toolCallId: 'c' },
      tty: true,
      size: { columns: 100, rows: 30 },
      pipeStdin: true,
      mergeStderr: true,
      arg0: '-sh',
      sandbox,
      enforceManagedNetwork: true,
      timeoutMs: 60_000,
      killGraceMs: 0,
      drainMs: 100,
      output: 'headTail',
      maxOutputBytes: 4096,
    },
    least: { processId: 'p', argv: ['true'], cwd: '/' },
    leastArrives: {
      processId: 'p',
      argv: ['true'],
      cwd: '/',
      env: {},
      tty: false,
      pipeStdin: false,
      mergeStderr: false,
      enforceManagedNetwork: false,
      output: 'lossless',
    },
    optional: [
      'env',
      'envPolicy',
      'metadata',
      'tty',
      'size',
      'pipeStdin',
      'mergeStderr',
      'arg0',
      'sandbox',
      'enforceManagedNetwork',
      'timeoutMs',
      'killGraceMs',
      'drainMs',
      'output',
      'maxOutputBytes',
    ],
  },
  'process/start result': {
    schema: requests['process/start'].result,
    full: {
      processId: 'p',
      sandboxType: 'none',
      pid: 7,
      environment: { kept: 1, removed: 0, set: 2 },
      envBase: {
        base: 'login',
        attempts: [
          {
            base: 'login',
            outcome: 'resolved',
            omitted: [{ name: 'LAST', reason: 'changes while it is read' }],
            durationMs: 30,
          },
        ],
      },
    },
    least: { processId: 'p', sandboxType: 'none', pid: 7, environment: { kept: 0, removed: 0, set: 0 } },
    optional: ['envBase'],
  },
  'process/write params': {
    schema: requests['process/write'].params,
    full: { processId: 'p', chunk, writeId: '1' },
    fullArrives: { processId: 'p', chunk: bytes, writeId: '1' },
    least: { processId: 'p', chunk: '' },
    leastArrives: { processId: 'p', chunk: Buffer.alloc(0) },
    optional: ['writeId'],
  },
  'process/write result': {
    schema: requests['process/write'].result,
    full: { status: 'accepted' },
    least: { status: 'unknownProcess' },
  },
  'process/closeStdin params': {
    schema: requests['process/closeStdin'].params,
    full: { processId: 'p' },
    least: { processId: '?' },
  },
  'process/closeStdin result': {
    schema: requests['process/closeStdin'].result,
    full: { status: 'accepted' },
    least: { status: 'unknownProcess' },
  },
  'process/signal params': {
    schema: requests['process/signal'].params,
    full: { processId: 'p', signal: 'SIGTERM', target: 'tree' },
    least: { processId: 'p', signal: '' },
    leastArrives: { processId: 'p', signal: '', target: 'group' },
    optional: ['target'],
  },
  'process/signal result': { schema: requests['process/signal'].result, full: {}, least: {} },
  'process/terminate params': {
    schema: requests['process/terminate'].params,
    full: { processId: 'p' },
    least: { processId: '?' },
  },
  'process/terminate result': {
    schema: requests['process/terminate'].result,
    full: { running: true },
    least: { running: false },
  },
  'process/resize params': {
    schema: requests['process/resize'].params,
    full: { processId: 'p', size: { columns: 65535, rows: 65535 } },
    least: { processId: '?', size: { columns: 1, rows: 1 } },
  },
  'process/resize result': { schema: requests['process/resize'].result, full: {}, least: {} },
  'process/read params': {
    schema: requests['process/read'].params,
    full: { processId: 'p', afterSeq: 3, maxBytes: 0, waitMs: 500 },
    least: { processId: 'p' },
    leastArrives: { processId: 'p', afterSeq: 0, waitMs: 0 },
    optional: ['afterSeq', 'maxBytes', 'waitMs'],
  },
  'process/read result': {
    schema: requests['process/read'].result,
    full: {
      chunks: [
        { seq: 4, stream: 'stdout', chunk },
        { seq: 6, stream: 'pty', chunk: '' },
      ],
      nextSeq: 7,
      exited: true,
      exitCode: 130,
      closed: true,
      failure: 'why',
      sandboxDenied: true,
      droppedBytes: 5,
    },
    fullArrives: {
      chunks: [
        { seq: 4, stream: 'stdout', chunk: bytes },
        { seq: 6, stream: 'pty', chunk: Buffer.alloc(0) },
      ],
      nextSeq: 7,
      exited: true,
      exitCode: 130,
      closed: true,
      failure: 'why',
      sandboxDenied: true,
      droppedBytes: 5,
    },
    least: {
      chunks: [],
      nextSeq: 1,
      exited: false,
      exitCode: null,
      closed: false,
      failure: null,
      sandboxDenied: false,
      droppedBytes: 0,
    },
    nullable: ['exitCode', 'failure'],
  },
  'process/acknowledge params': {
    schema: requests['process/acknowledge'].params,
    full: { processId: 'p', seq: 12, windowBytes: MIN_OUTPUT_WINDOW_BYTES },
    least: { processId: '?', seq: 0 },
    optional: ['windowBytes'],
  },
  'process/acknowledge result': { schema: requests['process/acknowledge'].result, full: {}, least: {} },
  'process/list params': { schema: requests['process/list'].params, full: {}, least: {} },
  'process/list result': {
    schema: requests['process/list'].result,
    full: {
      processes: [
        {
          processId: 'p',
          pid: 7,
          argv0: '/bin/sh',
          tty: true,
          state: 'running',
          exitCode: null,
          startedAtMs: 1_700_000_000_000,
          exitedAtMs: null,
          bytes: { stdout: 0, stderr: 0, pty: 9 },
          descendants: [{ pid: 8, name: 'sleep' }],
        },
        {
          processId: 'q',
          pid: 9,
          argv0: 'true',
          tty: false,
          state: 'closed',
          exitCode: 0,
          startedAtMs: 1_700_000_000_000,
          exitedAtMs: 1_700_000_000_001,
          bytes: streamBytes,
          descendants: [],
        },
      ],
    },
    least: { processes: [] },
  },
  'fs/readFile params': {
    schema: requests['fs/readFile'].params,
    full: { path: 'file:///a', sandbox: fileSandbox, followSymlinks: false },
    least: { path: '/a' },
    optional: ['sandbox', 'followSymlinks'],
  },
  'fs/readFile result': {
    schema: requests['fs/readFile'].result,
    full: { dataBase64: chunk },
    fullArrives: { dataBase64: bytes },
    least: { dataBase64: '' },
    leastArrives: { dataBase64: Buffer.alloc(0) },
  },
  'fs/writeFile params': {
    schema: requests['fs/writeFile'].params,
    full: {
      path: 'file:///a',
      dataBase64: chunk,
      atomic: true,
      fileMode: 0o640,
      sandbox: fileSandbox,
      followSymlinks: true,
    },
    // The handler refuses text that is not base64: its error has another code.
    least: { path: '/a', dataBase64: '***' },
    leastArrives: { path: '/a', dataBase64: '***', atomic: false },
    optional: ['atomic', 'fileMode', 'sandbox', 'followSymlinks'],
  },
  'fs/writeFile result': { schema: requests['fs/writeFile'].result, full: {}, least: {} },
  'fs/createDirectory params': {
    schema: requests['fs/createDirectory'].params,
    full: { path: 'file:///a', recursive: false, sandbox: fileSandbox, followSymlinks: true },
    least: { path: '/a' },
    leastArrives: { path: '/a', recursive: true },
    optional: ['recursive', 'sandbox', 'followSymlinks'],
  },
  'fs/createDirectory result': { schema: requests['fs/createDirectory'].result, full: {}, least: {} },
  'fs/getMetadata params': {
    schema: requests['fs/getMetadata'].params,
    full: { path: 'file:///a', sandbox: fileSandbox, followSymlinks: true },
    least: { path: '/a' },
    optional: ['sandbox', 'followSymlinks'],
  },
  'fs/getMetadata result': {
    schema: requests['fs/getMetadata'].result,
    full: { ...metadata, mode: 0o4755 },
    least: metadata,
    optional: ['mode'],
  },
  'fs/canonicalize params': {
    schema: requests['fs/canonicalize'].params,
    full: { path: 'file:///a', sandbox: fileSandbox, followSymlinks: true },
    least: { path: '/a' },
    optional: ['sandbox', 'followSymlinks'],
  },
  'fs/canonicalize result': {
    schema: requests['fs/canonicalize'].result,
    full: { path: 'file:///a' },
    least: { path: 'file:///' },
  },
  'fs/readDirectory params': {
    schema: requests['fs/readDirectory'].params,
    full: { path: 'file:///a', sandbox: fileSandbox, followSymlinks: true },
    least: { path: '/a' },
    optional: ['sandbox', 'followSymlinks'],
  },
  'fs/readDirectory result': {
    schema: requests['fs/readDirectory'].result,
    full: {
      entries: [{ fileName: 'a', isDirectory: false, isFile: true, isSymlink: true, fileNameBase64: chunk }],
    },
    fullArrives: {
      entries: [{ fileName: 'a', isDirectory: false, isFile: true, isSymlink: true, fileNameBase64: bytes }],
    },
    least: { entries: [] },
  },
  'fs/walk params': {
    schema: requests['fs/walk'].params,
    full: {
      path: 'file:///a',
      options: {
        maxDepth: 0,
        maxDirectories: 1,
        maxEntries: 2,
        followDirectorySymlinks: true,
        pruneHiddenDirectories: true,
        allKinds: true,
      },
      sandbox: fileSandbox,
      followSymlinks: false,
    },
    least: { path: '/a', options: {} },
    leastArrives: {
      path: '/a',
      options: {
        maxDepth: 64,
        maxDirectories: 10_000,
        maxEntries: 50_000,
        followDirectorySymlinks: false,
        pruneHiddenDirectories: false,
        allKinds: false,
      },
    },
    optional: ['sandbox', 'followSymlinks'],
  },
  'fs/walk result': {
    schema: requests['fs/walk'].result,
    full: {
      entries: [{ path: 'file:///a/b', kind: 'symlink' }],
      errors: [{ path: 'file:///a/c', message: 'why', errno: 'EACCES' }],
      truncated: true,
    },
    least: { entries: [], errors: [], truncated: false },
  },
  'fs/remove params': {
    schema: requests['fs/remove'].params,
    full: { path: 'file:///a', recursive: false, force: false, sandbox: fileSandbox, followSymlinks: true },
    least: { path: '/a' },
    leastArrives: { path: '/a', recursive: true, force: true },
    optional: ['recursive', 'force', 'sandbox', 'followSymlinks'],
  },
  'fs/remove result': { schema: requests['fs/remove'].result, full: {}, least: {} },
  'fs/copy params': {
    schema: requests['fs/copy'].params,
    full: {
      sourcePath: 'file:///a',
      destinationPath: 'file:///b',
      recursive: true,
      sandbox: fileSandbox,
      followSymlinks: true,
    },
    least: { sourcePath: '/a', destinationPath: '/b', recursive: false },
    optional: ['sandbox', 'followSymlinks'],
  },
  'fs/copy result': {
    schema: requests['fs/copy'].result,
    full: { skipped: ['file:///a/fifo'] },
    least: {},
    optional: ['skipped'],
  },
  'fs/open params': {
    schema: requests['fs/open'].params,
    full: {
      handleId: 'h',
      path: 'file:///a',
      mode: 'replace',
      atomic: true,
      fileMode: 0o600,
      sandbox: fileSandbox,
      followSymlinks: false,
    },
    least: { handleId: '', path: '/a' },
    leastArrives: { handleId: '', path: '/a', mode: 'read', atomic: false },
    optional: ['mode', 'atomic', 'fileMode', 'sandbox', 'followSymlinks'],
  },
  'fs/open result': { schema: requests['fs/open'].result, full: { handleId: 'h' }, least: { handleId: '' } },
  'fs/readBlock params': {
    schema: requests['fs/readBlock'].params,
    full: { handleId: 'h', offset: 2 ** 40, len: 7 },
    least: { handleId: '', offset: 0, len: 0 },
  },
  'fs/readBlock result': {
    schema: requests['fs/readBlock'].result,
    full: { chunk, eof: true },
    fullArrives: { chunk: bytes, eof: true },
    least: { chunk: '', eof: false },
    leastArrives: { chunk: Buffer.alloc(0), eof: false },
  },
  'fs/writeBlock params': {
    schema: requests['fs/writeBlock'].params,
    full: { handleId: 'h', offset: 2 ** 40, chunk },
    fullArrives: { handleId: 'h', offset: 2 ** 40, chunk: bytes },
    least: { handleId: '', offset: 0, chunk: '' },
    leastArrives: { handleId: '', offset: 0, chunk: Buffer.alloc(0) },
  },
  'fs/writeBlock result': { schema: requests['fs/writeBlock'].result, full: {}, least: {} },
  'fs/close params': {
    schema: requests['fs/close'].params,
    full: {
      handleId: 'h',
      expectSize: 3,
      expectSha256: '0123456789abcdefABCDEF'.padEnd(64, '0'),
      discard: true,
    },
    least: { handleId: '' },
    leastArrives: { handleId: '', discard: false },
    optional: ['expectSize', 'expectSha256', 'discard'],
  },
  'fs/close result': { schema: requests['fs/close'].result, full: {}, least: {} },
  'fs/watchMissing params': {
    schema: requests['fs/watchMissing'].params,
    full: {
      watchId: 7,
      missing: ['file:///a', '/b'],
      present: 'file:///c',
      sandbox: fileSandbox,
      followSymlinks: true,
    },
    least: { watchId: 0, missing: [] },
    optional: ['present', 'sandbox', 'followSymlinks'],
  },
  'fs/watchMissing result': {
    schema: requests['fs/watchMissing'].result,
    full: { watching: true },
    least: { watching: false },
  },
  'fs/missingChanged params': {
    schema: serverNotifications['fs/missingChanged'].params,
    full: { watchId: 7 },
    least: { watchId: 0 },
  },
  'environment/waiting params': {
    schema: serverNotifications['environment/waiting'].params,
    full: { base: 'login', shell: '/bin/bash', waitedMs: 2000, limitMs: 10_000, running: ['sleep'] },
    least: { base: 'loginInteractive', shell: '/bin/sh', waitedMs: 0, limitMs: 0, running: [] },
  },
  'process/output params': {
    schema: serverNotifications['process/output'].params,
    full: { processId: 'p', seq: 7, stream: 'stderr', chunk },
    fullArrives: { processId: 'p', seq: 7, stream: 'stderr', chunk: bytes },
    least: { processId: 'p', seq: 1, stream: 'pty', chunk: '' },
    leastArrives: { processId: 'p', seq: 1, stream: 'pty', chunk: Buffer.alloc(0) },
  },
  'process/outputDropped params': {
    schema: serverNotifications['process/outputDropped'].params,
    full: { processId: 'p', seq: 7, bytes: streamBytes },
    least: { processId: 'p', seq: 1, bytes: { stdout: 0, stderr: 0, pty: 0 } },
  },
  'process/exited params': {
    schema: serverNotifications['process/exited'].params,
    full: {
      processId: 'p',
      seq: 8,
      exitCode: 143,
      sandboxDenied: false,
      signal: 'SIGTERM',
      reason: 'terminated',
    },
    least: { processId: 'p', seq: 1, exitCode: 0, sandboxDenied: true },
    leastArrives: {
      processId: 'p',
      seq: 1,
      exitCode: 0,
      sandboxDenied: true,
      reason: 'exited',
    },
    optional: ['signal', 'reason'],
  },
  'process/closed params': {
    schema: serverNotifications['process/closed'].params,
    full: { processId: 'p', seq: 9, bytes: streamBytes, holders: [{ pid: 8, name: 'server' }] },
    least: { processId: 'p', seq: 2 },
    optional: ['bytes', 'holders'],
  },
};

/** The output of a schema for a value. A field that is `undefined` counts as absent. */
const arrived = (schema: z.ZodMiniType, value: unknown): unknown => withoutUndefined(schema.parse(value));

const withoutUndefined = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Buffer.isBuffer(value))
    return value;
  const fields = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(fields.map(([name, inner]) => [name, withoutUndefined(inner)]));
};

const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** Adds an unknown field to every object in a value, except to those whose keys are data. */
const withUnknownFields = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withUnknownFields);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, inner]) => [
    name,
    namesAreData.has(name) ? inner : withUnknownFields(inner),
  ]);
  return { ...Object.fromEntries(fields), unknownField: { newer: true } };
};
/** The name in the JSON schema of the params or the result of a method. */
const definitionOf = (title: string): string => {
  const [method = '', part = ''] = title.split(' ');
  return `${typeName(method)}${typeName(part)}`;
};

const namesAreData = new Set(['env', 'variables', 'set', 'capabilities', 'limits', 'sandbox']);

describe('the declared messages', () => {
  it('all have a case in this file', () => {
    const specs = [
      ...Object.values(requests).flatMap(({ method }) => [`${method} params`, `${method} result`]),
      ...Object.values({ ...clientNotifications, ...serverNotifications }).map(
        ({ method }) => `${method} params`,
      ),
    ];
    expect(Object.keys(cases)).to.have.members(specs);
  });

  it('are listed under their own wire names', () => {
    const methods = Object.values({ ...requests, ...clientNotifications, ...serverNotifications }).map(
      ({ method }) => method as string,
    );
    expect(methods).to.deep.equal([...new Set(methods)]);
  });

  for (const [
    title,
    { schema, full, fullArrives = full, least, leastArrives = least, optional = [], nullable = [] },
  ] of Object.entries(cases)) {
    describe(title, () => {
      it('are received as they were sent', () => {
        expect(arrived(schema, throughJson(full))).to.deep.equal(fullArrives);
      });

      it('may have only the required fields', () => {
        expect(arrived(schema, throughJson(least))).to.deep.equal(leastArrives);
      });

      it('may have null in optional fields', () => {
        const nulls = Object.fromEntries(optional.map(name => [name, null]));
        expect(arrived(schema, { ...least, ...nulls })).to.deep.equal(leastArrives);
      });

      it('may have unknown fields, which are ignored', () => {
        expect(arrived(schema, withUnknownFields(full))).to.deep.equal(fullArrives);
      });

      it('must have the required fields', () => {
        for (const name of Object.keys(least)) {
          const { [name]: _, ...rest } = least as Record<string, unknown>;
          expect(schema.safeParse(rest).success, `without ${name}`).to.equal(false);
          expect(schema.safeParse({ ...rest, [name]: null }).success, `${name} null`).to.equal(
            nullable.includes(name),
          );
        }
      });

      it('have the same fields in the JSON schema', () => {
        const definition = definitionOf(title);
        const nulls = Object.fromEntries(optional.map(name => [name, null]));
        for (const value of [full, least, { ...least, ...nulls }, withUnknownFields(full)])
          expect(mismatch(definition, throughJson(value))).to.equal(undefined);
        expect(strictMismatch(definition, throughJson(full))).to.equal(undefined);
        for (const name of Object.keys(least)) {
          const { [name]: _, ...rest } = least as Record<string, unknown>;
          expect(mismatch(definition, rest), `without ${name}`).to.be.a('string');
          const ofNull = mismatch(definition, { ...rest, [name]: null });
          expect(ofNull === undefined, `${name} null`).to.equal(nullable.includes(name));
        }
      });
    });
  }
});

describe('the names of environment/explain', () => {
  it('are limited in number', () => {
    const takes = (count: number) =>
      requests['environment/explain'].params.safeParse({ names: Array(count).fill('PATH') }).success;
    expect([0, MAX_EXPLAINED_NAMES, MAX_EXPLAINED_NAMES + 1].map(takes)).to.deep.equal([true, true, false]);
  });
});

/** The error of a schema for params; `undefined` if they are valid. */
const refusal = (schema: z.ZodMiniType, params: object): string | undefined => {
  try {
    parse(schema, params);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

describe('ids that a client chooses', () => {
  const cases: Array<[field: string, schema: z.ZodMiniType, least: object]> = [
    ['processId', requests['process/terminate'].params, {}],
    ['writeId', requests['process/write'].params, { processId: 'p', chunk: '' }],
    ['requestId', requests['http/request'].params, { method: 'GET', url: 'http://localhost/' }],
  ];

  for (const [field, schema, least] of cases) {
    it(`may be any text of up to 4 KiB as ${field}`, () => {
      const texts = ['', 'a', 'ä"\0\n', 'x'.repeat(MAX_ID_BYTES), '€'.repeat(1365)];
      expect(texts.map(text => refusal(schema, { ...least, [field]: text }))).to.deep.equal(
        texts.map(() => undefined),
      );
    });

    it(`are refused as ${field} if they are longer, with the name of the field`, () => {
      const texts = ['x'.repeat(MAX_ID_BYTES + 1), '€'.repeat(1366)];
      expect(texts.map(text => refusal(schema, { ...least, [field]: text }))).to.deep.equal([
        `${field}: expected at most 4096 bytes, received 4097`,
        `${field}: expected at most 4096 bytes, received 4098`,
      ]);
    });
  }
});

describe('the params of process/start', () => {
  const refused = (params: object) =>
    refusal(requests['process/start'].params, { processId: 'p', argv: ['true'], cwd: '/', ...params });

  it('are limited in length, and the error names the field', () => {
    const argument = 'a'.repeat(MAX_ARGUMENT_BYTES);
    const longest = Array.from({ length: MAX_ARGUMENTS_LENGTH / 2 ** 16 }, () => 'a'.repeat(2 ** 16));
    const path = 'a'.repeat(MAX_PATH_LENGTH);
    expect(
      [
        { argv: ['true', argument] },
        { argv: ['true', `${argument}a`] },
        { argv: Array(MAX_ARGUMENTS).fill('a') },
        { argv: Array(MAX_ARGUMENTS + 1).fill('a') },
        { argv: longest },
        { argv: [...longest, 'a'] },
        { cwd: path },
        { cwd: `${path}a` },
        { arg0: `${path}a` },
      ].map(refused),
    ).to.deep.equal([
      undefined,
      'argv[1]: expected at most 131071 bytes, received 131072',
      undefined,
      'argv: expected at most 65536 entries, received an array of 65537',
      undefined,
      'argv: expected at most 6291456 characters in all, received 6291457',
      undefined,
      'cwd: expected at most 16384 characters, received a string of 16385',
      'arg0: expected at most 16384 characters, received a string of 16385',
    ]);
  });
});

describe('the strings of process/start', () => {
  it('name a program and are well-formed Unicode, as the system would get other text', () => {
    const unpaired = 'expected well-formed Unicode, received an unpaired surrogate';
    const params = (more: object) =>
      refusal(requests['process/start'].params, { processId: 'p', argv: ['true'], cwd: '/', ...more });
    expect(
      [
        { argv: ['true', '', '\ud83d\ude00'] },
        { argv: [''] },
        { argv: ['', 'a'] },
        { argv: ['a\ud800'] },
        { argv: ['true', '\udc00b'] },
        { arg0: '\ud800' },
        { cwd: '/\ud800' },
        { env: { A: '\ud800' } },
        { env: { 'A\ud800': '' } },
        { envPolicy: { set: { A: '\ud800' } } },
      ].map(params),
    ).to.deep.equal([
      undefined,
      'argv[0]: expected a program, received ""',
      'argv[0]: expected a program, received ""',
      `argv[0]: ${unpaired}`,
      `argv[1]: ${unpaired}`,
      `arg0: ${unpaired}`,
      `cwd: ${unpaired}`,
      'env.A: a variable value may not contain an unpaired surrogate',
      'env.A\ud800: a variable name may not contain an unpaired surrogate',
      'envPolicy.set.A: a variable value may not contain an unpaired surrogate',
    ]);
  });
});

describe('the ranges of numbers', () => {
  const start = { processId: 'p', argv: ['true'], cwd: '/' };
  /** Values that a field accepts and refuses; it accepts every integer between two accepted ones. */
  const cases: Array<
    [title: string, schema: z.ZodMiniType, least: object, field: string, taken: number[], refused: number[]]
  > = [
    ...['timeoutMs', 'killGraceMs', 'drainMs'].map(
      field =>
        [
          field,
          requests['process/start'].params,
          start,
          field,
          [0, 2 ** 31, Number.MAX_SAFE_INTEGER],
          [-1, 0.5, 2 ** 53],
        ] satisfies (typeof cases)[number],
    ),
    [
      'maxOutputBytes',
      requests['process/start'].params,
      start,
      'maxOutputBytes',
      [2, 2 ** 26],
      [1, 0, -2, 2.5, 2 ** 26 + 1],
    ],
    [
      'waitMs',
      requests['process/read'].params,
      { processId: 'p' },
      'waitMs',
      [0, 2 ** 31, Number.MAX_SAFE_INTEGER],
      [-1, 2 ** 53],
    ],
    [
      'timeoutMs of http/request',
      requests['http/request'].params,
      { requestId: '', method: 'GET', url: 'http://localhost/' },
      'timeoutMs',
      [0, 2 ** 31, Number.MAX_SAFE_INTEGER],
      [-1, 2 ** 53],
    ],
    ['afterSeq', requests['process/read'].params, { processId: 'p' }, 'afterSeq', [0, 2 ** 40], [-1, 1.5]],
    ['maxBytes', requests['process/read'].params, { processId: 'p' }, 'maxBytes', [0, 2 ** 40], [-1, 1.5]],
    [
      'the seq of process/acknowledge',
      requests['process/acknowledge'].params,
      { processId: 'p' },
      'seq',
      [0, 2 ** 40],
      [-1, 1.5],
    ],
    [
      'windowBytes',
      requests['process/acknowledge'].params,
      { processId: 'p', seq: 1 },
      'windowBytes',
      [MIN_OUTPUT_WINDOW_BYTES, MAX_OUTPUT_WINDOW_BYTES],
      [MIN_OUTPUT_WINDOW_BYTES - 1, MAX_OUTPUT_WINDOW_BYTES + 1],
    ],
    [
      'outputWindowBytes',
      requests.initialize.params,
      { clientName: '' },
      'outputWindowBytes',
      [MIN_OUTPUT_WINDOW_BYTES, 2 ** 40],
      [MIN_OUTPUT_WINDOW_BYTES - 1, 0, -1],
    ],
    ['retainedBytes', requests.initialize.params, { clientName: '' }, 'retainedBytes', [0, 2 ** 40], [-1]],
    ['retainedMs', requests.initialize.params, { clientName: '' }, 'retainedMs', [0, 2 ** 40], [-1]],
    ...['columns', 'rows'].map(
      field =>
        [
          `the ${field} of a terminal`,
          TerminalSize,
          { columns: 80, rows: 24 },
          field,
          [1, 65_535],
          [0, -1, 65_536, 80.5],
        ] satisfies (typeof cases)[number],
    ),
  ];
  for (const [title, schema, least, field, taken, refused] of cases) {
    it(`are checked for ${title}`, () => {
      const takes = (value: number) => schema.safeParse({ ...least, [field]: value }).success;
      expect({ taken: taken.filter(takes), refused: refused.filter(takes) }).to.deep.equal({
        taken,
        refused: [],
      });
    });
  }
});

describe('Bytes', () => {
  it('accepts the base64 of any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), raw => {
        expect(Bytes.parse(Buffer.from(raw).toString('base64'))).to.deep.equal(Buffer.from(raw));
      }),
    );
  });

  const refused = {
    'a space': 'AAAA AAA',
    'a line break at the end': 'AAA\n',
    'a line break inside': 'AAAA\nAAA',
    'missing padding': 'AA',
    'half the padding': 'AA=',
    'too much padding': 'A===',
    'nothing but padding': '====',
    'padding after a whole group': 'AAAA====',
    'padding in the middle': 'AA==AAAA',
    'padding inside a group': 'AA=A',
    'padding in front': '=AAA',
    'the other alphabet for URLs': 'ab-_',
    'a character outside of it': 'AA*A',
    'a character whose low byte is a letter': 'AAAŁ',
    'a letter with an accent': 'AAAé',
    'a NUL': 'AAA\0',
  };
  for (const [title, text] of Object.entries(refused)) {
    it(`refuses ${title}`, () => {
      expect(Bytes.safeParse(text).success).to.equal(false);
    });
  }

  it('accepts exactly the texts of RFC 4648', () => {
    const valid = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
    const nearly = fc.string({
      unit: fc.constantFrom('A', 'b', '9', '+', '/', '=', '-', '\n', 'Ł'),
      maxLength: 12,
    });
    fc.assert(
      fc.property(nearly, text => {
        expect(Bytes.safeParse(text).success).to.equal(valid.test(text));
      }),
      { numRuns: 2000 },
    );
  });
});
