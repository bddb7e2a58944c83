import { expect } from 'chai';
import fc from 'fast-check';
import type * as z from 'zod/mini';
import { Bytes } from '../../src/protocol/fields.ts';
import { MAX_ID_LENGTH } from '../../src/protocol/limits.ts';
import { clientNotifications, requests, serverNotifications } from '../../src/protocol/messages.ts';

/** One direction of one message: something that is sent in full, the least that is taken, and what both arrive as. */
type Case = {
  readonly schema: z.ZodMiniType;
  readonly full: object;
  readonly fullArrives?: object;
  readonly least: object;
  readonly leastArrives?: object;
  /** Fields that may also be `null`, which is the same as absent. */
  readonly optional?: readonly string[];
};

const info = {
  shell: { name: 'bash', path: '/bin/bash' },
  executorVersion: '1.2.3',
  platformOs: 'linux',
  temporaryDirectories: ['file:///tmp'],
  prependPathDirs: [],
  capabilities: { tty: false },
};
const fullInfo = { ...info, cwd: 'file:///work', userHomeDir: 'file:///home/me', tempDir: 'file:///tmp' };
const uris = ['cwd', 'userHomeDir', 'tempDir'];
const bytes = Buffer.from([0, 0xff, 0x0a]);
const chunk = bytes.toString('base64');

const cases: Record<string, Case> = {
  'initialize params': {
    schema: requests.initialize.params,
    full: { clientName: 'test', resumeSessionId: 'old' },
    least: { clientName: '' },
    optional: ['resumeSessionId'],
  },
  'initialize result': {
    schema: requests.initialize.result,
    full: { sessionId: 's', environmentInfo: fullInfo },
    least: { sessionId: 's', environmentInfo: info },
  },
  'initialized params': { schema: clientNotifications.initialized.params, full: {}, least: {} },
  'environment/info params': { schema: requests.environmentInfo.params, full: {}, least: {} },
  'environment/info result': {
    schema: requests.environmentInfo.result,
    full: fullInfo,
    least: info,
    optional: uris,
  },
  'process/start params': {
    schema: requests.processStart.params,
    full: {
      processId: 'p',
      argv: ['sh', '-c', 'true'],
      cwd: 'file:///work',
      env: { A: '1', GONE: null },
      envPolicy: {
        inherit: 'core',
        ignoreDefaultExcludes: true,
        exclude: ['*_X'],
        set: { B: '2' },
        includeOnly: ['A', 'B'],
      },
      tty: true,
      pipeStdin: true,
      arg0: '-sh',
      sandbox: { anything: [1] },
      enforceManagedNetwork: true,
    },
    least: { processId: 'p', argv: ['true'], cwd: '/' },
    leastArrives: {
      processId: 'p',
      argv: ['true'],
      cwd: '/',
      env: {},
      tty: false,
      pipeStdin: false,
      enforceManagedNetwork: false,
    },
    optional: ['env', 'envPolicy', 'tty', 'pipeStdin', 'arg0', 'sandbox', 'enforceManagedNetwork'],
  },
  'process/start result': {
    schema: requests.processStart.result,
    full: { processId: 'p', sandboxType: 'none', pid: 7, environment: { kept: 1, removed: 0, set: 2 } },
    least: { processId: 'p', sandboxType: 'none', pid: 7, environment: { kept: 0, removed: 0, set: 0 } },
  },
  'process/write params': {
    schema: requests.processWrite.params,
    full: { processId: 'p', chunk, writeId: '1' },
    fullArrives: { processId: 'p', chunk: bytes, writeId: '1' },
    least: { processId: 'p', chunk: '' },
    leastArrives: { processId: 'p', chunk: Buffer.alloc(0) },
    optional: ['writeId'],
  },
  'process/write result': {
    schema: requests.processWrite.result,
    full: { status: 'accepted' },
    least: { status: 'unknownProcess' },
  },
  'process/closeStdin params': {
    schema: requests.processCloseStdin.params,
    full: { processId: 'p' },
    least: { processId: '?' },
  },
  'process/closeStdin result': {
    schema: requests.processCloseStdin.result,
    full: { status: 'accepted' },
    least: { status: 'unknownProcess' },
  },
  'process/signal params': {
    schema: requests.processSignal.params,
    full: { processId: 'p', signal: 'SIGTERM' },
    least: { processId: 'p', signal: '' },
  },
  'process/signal result': { schema: requests.processSignal.result, full: {}, least: {} },
  'process/terminate params': {
    schema: requests.processTerminate.params,
    full: { processId: 'p' },
    least: { processId: '?' },
  },
  'process/terminate result': {
    schema: requests.processTerminate.result,
    full: { running: true },
    least: { running: false },
  },
  'process/output params': {
    schema: serverNotifications.processOutput.params,
    full: { processId: 'p', seq: 7, stream: 'stderr', chunk },
    fullArrives: { processId: 'p', seq: 7, stream: 'stderr', chunk: bytes },
    least: { processId: 'p', seq: 1, stream: 'pty', chunk: '' },
    leastArrives: { processId: 'p', seq: 1, stream: 'pty', chunk: Buffer.alloc(0) },
  },
  'process/exited params': {
    schema: serverNotifications.processExited.params,
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
    schema: serverNotifications.processClosed.params,
    full: { processId: 'p', seq: 9, bytes: { stdout: 3, stderr: 0, pty: 0 } },
    least: { processId: 'p', seq: 2 },
    optional: ['bytes'],
  },
};

/** What a schema makes of a value. A field that is `undefined` is as good as absent. */
const arrived = (schema: z.ZodMiniType, value: unknown): unknown => withoutUndefined(schema.parse(value));

const withoutUndefined = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Buffer.isBuffer(value))
    return value;
  const fields = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(fields.map(([name, inner]) => [name, withoutUndefined(inner)]));
};

const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** Adds a field that nobody knows to every object in a value, except to those whose names are data. */
const withUnknownFields = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withUnknownFields);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, inner]) => [
    name,
    namesAreData.has(name) ? inner : withUnknownFields(inner),
  ]);
  return { ...Object.fromEntries(fields), unknownField: { newer: true } };
};
const namesAreData = new Set(['env', 'set', 'capabilities', 'sandbox']);

describe('the declared messages', () => {
  it('all have a case here', () => {
    const specs = [
      ...Object.values(requests).flatMap(({ method }) => [`${method} params`, `${method} result`]),
      ...Object.values({ ...clientNotifications, ...serverNotifications }).map(
        ({ method }) => `${method} params`,
      ),
    ];
    expect(Object.keys(cases)).to.have.members(specs);
  });

  it('have one name each', () => {
    const methods = Object.values({ ...requests, ...clientNotifications, ...serverNotifications }).map(
      ({ method }) => method as string,
    );
    expect(methods).to.deep.equal([...new Set(methods)]);
  });

  for (const [
    title,
    { schema, full, fullArrives = full, least, leastArrives = least, optional = [] },
  ] of Object.entries(cases)) {
    describe(title, () => {
      it('arrive as they were sent', () => {
        expect(arrived(schema, throughJson(full))).to.deep.equal(fullArrives);
      });

      it('may be the least that was ever sent', () => {
        expect(arrived(schema, throughJson(least))).to.deep.equal(leastArrives);
      });

      it('may have null for what is optional', () => {
        const nulls = Object.fromEntries(optional.map(name => [name, null]));
        expect(arrived(schema, { ...least, ...nulls })).to.deep.equal(leastArrives);
      });

      it('may have fields that are not known here', () => {
        expect(arrived(schema, withUnknownFields(full))).to.deep.equal(fullArrives);
      });

      it('must have what is not optional', () => {
        for (const name of Object.keys(least)) {
          const { [name]: _, ...rest } = least as Record<string, unknown>;
          expect(schema.safeParse(rest).success, `without ${name}`).to.equal(false);
          expect(schema.safeParse({ ...rest, [name]: null }).success, `${name} null`).to.equal(false);
        }
      });
    });
  }
});

describe('process ids', () => {
  const takes = (processId: string) => requests.processTerminate.params.safeParse({ processId }).success;

  it('are any text that is neither empty nor too long', () => {
    expect(
      ['', 'a', 'ä"\0\n', 'x'.repeat(MAX_ID_LENGTH), 'x'.repeat(MAX_ID_LENGTH + 1)].map(takes),
    ).to.deep.equal([false, true, true, true, false]);
  });
});

describe('Bytes', () => {
  it('takes the base64 of any bytes', () => {
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

  it('takes exactly what RFC 4648 describes', () => {
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
