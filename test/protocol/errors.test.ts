import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import * as errors from '../../src/protocol/errors.ts';
import { strictMismatch } from '../support/wire-schema.ts';

const { errorKinds, ExecServerError } = errors;

/** The first two cells of each row of the table of kinds in the documentation. */
const documentedKinds = (): Record<string, number> => {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  return Object.fromEntries(
    Array.from(page.matchAll(/^\| `(\w+)` *\| (-\d+) *\|/gm), ([, kind = '', code]) => [kind, Number(code)]),
  );
};

describe('errorKinds', () => {
  it('have the names and codes of docs/errors.md', () => {
    expect(documentedKinds()).to.deep.equal({ ...errorKinds });
  });
});

describe('ExecServerError', () => {
  const cause = new RangeError('a text that may quote anything');
  const cases: Array<[error: errors.ExecServerError, code: number, message: string, data: object]> = [
    [errors.parseError('why'), -32700, 'why', { kind: 'parseError' }],
    [errors.invalidMessage('why'), -32600, 'why', { kind: 'invalidMessage' }],
    [
      errors.frameTooLarge(9, 8),
      -32600,
      'the frame has 9 bytes; the limit is 8',
      { kind: 'frameTooLarge', limit: 'frameBytes', current: 9, max: 8 },
    ],
    [
      errors.notInitialized('process/start', 'initialized'),
      -32600,
      'process/start was received before initialized: send initialized first',
      { kind: 'notInitialized', missing: 'initialized' },
    ],
    [
      errors.alreadyInitialized(),
      -32600,
      'initialize was already called on this connection',
      { kind: 'alreadyInitialized' },
    ],
    [
      errors.resumeUnavailable(),
      -32600,
      'resumeSessionId: sessions cannot be resumed; a session ends with its connection',
      { kind: 'resumeUnavailable' },
    ],
    [
      errors.sessionUnknown(),
      -32600,
      'resume.sessionId: there is no such session here; the host may have been restarted',
      { kind: 'sessionUnknown' },
    ],
    [
      errors.sessionExpired(),
      -32600,
      'resume.sessionId: the session has ended, since it was not resumed in time',
      { kind: 'sessionExpired' },
    ],
    [
      errors.sessionElsewhere('box'),
      -32600,
      'resume.sessionId: the session is on another host: box',
      { kind: 'sessionElsewhere', host: 'box' },
    ],
    [
      errors.sessionTaken(),
      -32600,
      'resume.clientId: another client has resumed the session in the meantime',
      { kind: 'sessionTaken' },
    ],
    [
      errors.replayLost(7),
      -32600,
      'resume.receivedBytes: the bytes after 7 are not kept any more, or were never sent',
      { kind: 'replayLost' },
    ],
    [errors.shuttingDown(), -32600, 'the server is shutting down', { kind: 'shuttingDown' }],
    [
      errors.processExists('p'),
      -32600,
      'process p already exists',
      { kind: 'processExists', processId: 'p' },
    ],
    [
      errors.startCancelled('p'),
      -32600,
      'process p was terminated before it had started',
      { kind: 'startCancelled', processId: 'p' },
    ],
    [errors.unknownProcess('p'), -32600, 'unknown process p', { kind: 'unknownProcess', processId: 'p' }],
    [
      errors.httpRequestExists('r'),
      -32602,
      'HTTP request r is still in progress',
      { kind: 'httpRequestExists', requestId: 'r' },
    ],
    [
      errors.httpFailed('example.org', 'ECONNRESET', 'ECONNRESET', { cause }),
      -32603,
      'HTTP request to example.org failed: ECONNRESET',
      { kind: 'httpFailed', host: 'example.org', reason: 'ECONNRESET', errno: 'ECONNRESET' },
    ],
    [
      errors.httpFailed('example.org', 'timed out after 5 ms', undefined),
      -32603,
      'HTTP request to example.org failed: timed out after 5 ms',
      { kind: 'httpFailed', host: 'example.org', reason: 'timed out after 5 ms' },
    ],
    [errors.configInvalid('why'), -32603, 'why', { kind: 'configInvalid' }],
    [errors.unsupported('tty', 'why'), -32600, 'tty: why', { kind: 'unsupported', field: 'tty' }],
    [
      errors.limitExceeded('stdinQueuedBytes', 3, 2),
      -32600,
      'stdinQueuedBytes: 3 exceeds the limit of 2',
      { kind: 'limitExceeded', limit: 'stdinQueuedBytes', current: 3, max: 2 },
    ],
    [
      errors.limitExceeded('readFileBytes', 3, 2, 'read less'),
      -32600,
      'readFileBytes: 3 exceeds the limit of 2; read less',
      { kind: 'limitExceeded', limit: 'readFileBytes', current: 3, max: 2 },
    ],
    [
      errors.outOfRange('len', 0, 1, 9),
      -32600,
      'len: expected 1 to 9, received 0',
      { kind: 'outOfRange', field: 'len', current: 0, min: 1, max: 9 },
    ],
    [
      errors.fileRefused('sameFile', 'file:///a', 'why'),
      -32600,
      'file:///a: why',
      { kind: 'fileRefused', reason: 'sameFile', path: 'file:///a' },
    ],
    [
      errors.invalidContent('dataBase64'),
      -32600,
      'dataBase64: expected base64 with padding',
      { kind: 'invalidContent', field: 'dataBase64' },
    ],
    [
      errors.contentMismatch('size', 'file:///a', '3', '2'),
      -32600,
      'file:///a: expected size 3, found 2',
      { kind: 'contentMismatch', what: 'size', path: 'file:///a', expected: '3', actual: '2' },
    ],
    [
      errors.fileHandleExists('h'),
      -32600,
      'file handle h already exists',
      { kind: 'fileHandleExists', handleId: 'h' },
    ],
    [
      errors.fileHandleMode('h', 'read'),
      -32600,
      'file handle h is open with mode read',
      { kind: 'fileHandleMode', handleId: 'h', mode: 'read' },
    ],
    [
      errors.unknownFileHandle('h'),
      -32004,
      'unknown file handle h',
      { kind: 'unknownFileHandle', handleId: 'h' },
    ],
    [
      errors.fileError('file:///a', 'ENOENT', 'no such file', { cause }),
      -32004,
      'file:///a: no such file (ENOENT)',
      { kind: 'fileNotFound', errno: 'ENOENT', path: 'file:///a' },
    ],
    ...['EACCES', 'EPERM'].map((errno): (typeof cases)[number] => [
      errors.fileError('file:///a', errno, 'permission denied'),
      -32600,
      `file:///a: permission denied (${errno})`,
      { kind: 'permissionDenied', errno, path: 'file:///a' },
    ]),
    [
      errors.fileError('file:///a', 'ENOTDIR', 'not a directory'),
      -32603,
      'file:///a: not a directory (ENOTDIR)',
      { kind: 'fileError', errno: 'ENOTDIR', path: 'file:///a' },
    ],
    [errors.unknownMethod('a/b'), -32601, 'unknown method a/b', { kind: 'unknownMethod', method: 'a/b' }],
    [errors.invalidParams('cwd', 'why'), -32602, 'cwd: why', { kind: 'invalidParams', field: 'cwd' }],
    [
      errors.launchFailed('why', { stage: 'cwd', errno: 'ENOENT', path: '/x' }, { cause }),
      -32603,
      'why',
      { kind: 'launchFailed', stage: 'cwd', errno: 'ENOENT', path: '/x' },
    ],
    [
      errors.invalidAnswer('process/start', errors.invalidParams('pid', 'wrong')),
      -32603,
      'answer to process/start: pid: wrong',
      { kind: 'invalidAnswer', field: 'pid' },
    ],
    [
      errors.resourceShortage('EMFILE', { cause }),
      -32603,
      'out of file descriptors in this server (EMFILE); try again when some are free',
      { kind: 'resourceShortage', errno: 'EMFILE' },
    ],
    [errors.internal(cause), -32603, 'internal error (RangeError)', { kind: 'internal' }],
    [errors.internal('text'), -32603, 'internal error (string)', { kind: 'internal' }],
  ];
  for (const [error, code, message, data] of cases) {
    it(`describes ${error.message}`, () => {
      expect({ code: error.code, message: error.message, data: error.data }).to.deep.equal({
        code,
        message,
        data,
      });
    });
  }

  it('has the data of the JSON schema', () => {
    for (const [{ kind, code, message, data }] of cases) {
      const problem = strictMismatch('ErrorObject', { code, message, data });
      // Only a client makes this kind.
      if (kind === 'invalidAnswer') expect(problem).not.to.equal(undefined);
      else expect(problem, kind).to.equal(undefined);
    }
  });

  it('has one factory for each kind', () => {
    expect(new Set(cases.map(([error]) => error.kind))).to.deep.equal(new Set(Object.keys(errorKinds)));
  });

  it('does not send its cause', () => {
    const error = errors.internal(cause);
    expect(error).to.be.instanceOf(ExecServerError);
    expect(error.cause).to.equal(cause);
    expect(JSON.stringify(error)).not.to.contain('quote');
  });
});
