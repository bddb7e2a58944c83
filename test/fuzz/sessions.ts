import fc from 'fast-check';
import { BIN, HTTP_PORT, WORK } from './paths.ts';

type Call = readonly [method: string, params: object];

const base64 = (text: string) => Buffer.from(text).toString('base64');
const start = (processId: string, argv: readonly string[], more: object = {}): Call => [
  'process/start',
  { processId, argv, cwd: WORK, env: { PATH: BIN }, ...more },
];

/** Typical uses of a server. */
const SESSIONS: ReadonlyArray<readonly Call[]> = [
  [
    start('cat', ['fz-cat'], { pipeStdin: true }),
    ['process/write', { processId: 'cat', chunk: base64('one\n'), writeId: '1' }],
    ['process/write', { processId: 'cat', chunk: base64('two\n'), writeId: '2' }],
    ['process/read', { processId: 'cat', waitMs: 50 }],
    ['process/closeStdin', { processId: 'cat' }],
    ['process/read', { processId: 'cat', afterSeq: 1, waitMs: 1000 }],
  ],
  [
    start('tty', ['fz-cat'], { tty: true, size: { columns: 100, rows: 30 } }),
    ['process/write', { processId: 'tty', chunk: base64('typed\n') }],
    ['process/resize', { processId: 'tty', size: { columns: 1, rows: 65_535 } }],
    ['process/write', { processId: 'tty', chunk: base64('\x04') }],
    ['process/terminate', { processId: 'tty' }],
  ],
  [
    start('flood', ['fz-flood'], { output: 'headTail', maxOutputBytes: 1000 }),
    start('merged', ['fz-flood'], { mergeStderr: true }),
    ['process/read', { processId: 'flood', maxBytes: 100, waitMs: 20 }],
    ['process/acknowledge', { processId: 'merged', seq: 1 }],
    ['process/list', {}],
  ],
  [
    start('stubborn', ['fz-stubborn'], { killGraceMs: 50 }),
    start('late', ['fz-nap'], { timeoutMs: 20, killGraceMs: 0 }),
    ['process/signal', { processId: 'stubborn', signal: 'SIGTERM', target: 'tree' }],
    ['process/terminate', { processId: 'stubborn' }],
    ['process/terminate', { processId: 'stubborn' }],
  ],
  [
    start('daemon', ['fz-daemon'], { drainMs: 0 }),
    start('parent', ['fz-parent'], { drainMs: 1000 }),
    ['process/list', {}],
  ],
  [
    ['fs/open', { handleId: 'f', path: `${WORK}/made`, mode: 'replace', atomic: true }],
    ['fs/writeBlock', { handleId: 'f', offset: 0, chunk: base64('block') }],
    ['fs/writeBlock', { handleId: 'f', offset: 5, chunk: base64('block') }],
    ['fs/close', { handleId: 'f', expectSize: 10 }],
    ['fs/open', { handleId: 'g', path: `${WORK}/made` }],
    ['fs/readBlock', { handleId: 'g', offset: 3, len: 4 }],
    ['fs/close', { handleId: 'g' }],
  ],
  [
    ['fs/watchMissing', { watchId: 5, missing: [`${WORK}/later`, `${WORK}/a/b`], present: `${WORK}/text` }],
    ['fs/writeFile', { path: `${WORK}/later`, dataBase64: base64('now') }],
    ['fs/readFile', { path: `${WORK}/later` }],
    ['fs/copy', { sourcePath: `${WORK}/dir`, destinationPath: `${WORK}/copied`, recursive: true }],
    ['fs/walk', { path: WORK, options: { followDirectorySymlinks: true, allKinds: true } }],
    ['fs/remove', { path: `${WORK}/copied` }],
    ['fs/readDirectory', { path: WORK }],
  ],
  [
    [
      'http/request',
      { requestId: 's', method: 'GET', url: `http://127.0.0.1:${HTTP_PORT}/large`, streamResponse: true },
    ],
    [
      'http/request',
      { requestId: 't', method: 'POST', url: `http://127.0.0.1:${HTTP_PORT}/slow`, bodyBase64: 'YQ==' },
    ],
    ['http/request', { requestId: 's', method: 'GET', url: `http://127.0.0.1:${HTTP_PORT}/drop` }],
  ],
  [
    ['environment/explain', { envPolicy: { inherit: 'core', exclude: ['A*'] }, env: { A: 'b' } }],
    ['environment/info', {}],
    ['environment/status', {}],
    ['environmentConfig/read', { configPaths: [['model'], ['table', 'list']], requirementsPaths: [] }],
    start('policy', ['fz-echo', 'a'], { envPolicy: { inherit: 'all' }, env: { B: null } }),
    ['server/status', {}],
  ],
];

type Change = {
  readonly kind: 'swap' | 'repeat' | 'drop' | 'move';
  readonly at: number;
  readonly to: number;
};

const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('swap', 'repeat', 'drop', 'move'),
  at: fc.nat({ max: 1000 }),
  to: fc.nat({ max: 1000 }),
});

const changed = (calls: readonly Call[], { kind, at, to }: Change): readonly Call[] => {
  const [from, other] = [at % calls.length, to % calls.length];
  const [one, two] = [calls[from], calls[other]];
  if (one === undefined || two === undefined) return calls;
  switch (kind) {
    case 'swap':
      return calls.with(from, two).with(other, one);
    case 'repeat':
      return calls.toSpliced(other, 0, one);
    case 'drop':
      return calls.length === 1 ? calls : calls.toSpliced(from, 1);
    case 'move':
      return calls.toSpliced(from, 1).toSpliced(other, 0, one);
  }
};

/** The requests of one or two sessions, mixed and changed. */
export const session: fc.Arbitrary<unknown[]> = fc
  .tuple(
    fc.constantFrom(...SESSIONS),
    fc.option(fc.constantFrom(...SESSIONS), { nil: [] }),
    fc.array(change, { maxLength: 6 }),
    fc.nat({ max: 2 ** 30 }),
  )
  .map(([one, other, changes, from]) =>
    changes
      .reduce(changed, [...one, ...other])
      .map(([method, params], at) => ({ jsonrpc: '2.0', id: `s${from + at}`, method, params })),
  );
