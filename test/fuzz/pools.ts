import fc from 'fast-check';
import { BIN, CANARY, HTTP_PORT, WORK } from './paths.ts';
import { oddName, oddText, type Pools } from './values.ts';

/** Mostly one of a few values, so that messages relate to each other; sometimes any text. */
const mostly = <Value>(...few: readonly [Value, ...Value[]]): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 25, arbitrary: fc.constantFrom(...few) }, { weight: 1, arbitrary: oddText });

const text = (...few: readonly [string, ...string[]]) => mostly<string>(...few);

const PROCESS_IDS = ['p1', 'p2', 'p3', 'p4', 'p5', '__proto__'] as const;
const HANDLE_IDS = ['h1', 'h2', 'h3', '__proto__'] as const;

const paths = text(
  ...([`${WORK}/text`, `${WORK}/large`, `${WORK}/empty`, `${WORK}/fifo`, `${WORK}/link`] as const),
  ...[`${WORK}/loop`, `${WORK}/dir`, `${WORK}/dir/up`, `${WORK}/deep`, `${WORK}/new`, `${WORK}/new/er`],
  ...[`file://${WORK}/text`, `file://${WORK}/n%20ew`, `file://${WORK}/%00`, `file://${WORK}/%ff`],
  ...[`${WORK}/../work/text`, `${WORK}/${'n'.repeat(300)}`, `${WORK}/dir/up/dir/up/text`, `${WORK}/text/x`],
  ...['/dev/null', '/dev/full', '/dev/tty', '/proc/self/status', '/proc/version', '/proc/self/fd/0'],
  ...['/fuzz/home/.codex/config.toml', '/usr/bin/env', `${WORK}`, `${WORK}/`],
);
/** Also paths that would take too long to copy. */
const listedPaths = fc.oneof(
  { weight: 6, arbitrary: paths },
  { weight: 1, arbitrary: fc.constantFrom('/', '/proc', '/proc/self', '/proc/self/fd', '/dev', '/etc') },
);

const program = fc.constantFrom(
  ...[
    'fz-true',
    'fz-fail',
    'fz-echo',
    'fz-cat',
    'fz-cat',
    'fz-cat',
    'fz-nap',
    'fz-line',
    'fz-flood',
    'fz-stubborn',
  ],
  ...['fz-parent', 'fz-daemon', 'fz-closes', 'fz-dies', 'fz-stops', `${BIN}/fz-echo`, 'fz-missing', WORK],
);
const argv = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .tuple(program, fc.array(oddText, { maxLength: 2 }))
      .map(([name, more]) => [name, ...more.map(each => each.replaceAll('\0', ''))]),
  },
  { weight: 1, arbitrary: fc.array(oddText, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(['fz-echo', ...Array<string>(2000).fill('a')], ['']) },
);

const variables = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ PATH: BIN, FZ_VALUE: CANARY }) },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.tuple(oddName, fc.oneof(oddText, fc.constant(null), fc.constant(CANARY))), { maxLength: 4 })
      .map(entries => Object.fromEntries(entries))
      // Where a program is not found, the error lists the directories that were searched.
      .map(env => (env.PATH === CANARY ? { ...env, PATH: BIN } : env)),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', ':', '.', '/fuzz/missing:'.repeat(500)).map(PATH => ({ PATH })),
  },
);

const url = (path: string) => `http://127.0.0.1:${HTTP_PORT}${path}`;

const bytes = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('', 'aGkK', 'AAEC', Buffer.from('a line\n').toString('base64')) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(1000, 70_000).map(size => Buffer.alloc(size, 'z').toString('base64')),
  },
  { weight: 1, arbitrary: oddText },
);

/** The values for fields of requests, by name. */
export const POOLS: Pools = {
  processId: text(...PROCESS_IDS),
  handleId: text(...HANDLE_IDS),
  requestId: text('r1', 'r2', 'r3', '__proto__'),
  writeId: text('1', '2', '3'),
  clientName: text('fuzz'),
  cwd: text(WORK, `file://${WORK}`, `${WORK}/dir`, `file://${WORK}/text`, '/', `${WORK}/missing`),
  argv,
  tty: fc.constantFrom(false, false, null, true),
  pipeStdin: fc.constantFrom(true, true, false),
  env: variables,
  set: variables.map(set => Object.fromEntries(Object.entries(set).filter(([, value]) => value !== null))),
  signal: text(
    'interrupt',
    'SIGTERM',
    'KILL',
    'INT',
    'HUP',
    'STOP',
    'CONT',
    'WINCH',
    'USR1',
    'QUIT',
    'SIGNOPE',
  ),
  path: listedPaths,
  sourcePath: paths,
  destinationPath: paths,
  missing: fc.array(paths, { maxLength: 4 }),
  present: paths,
  watchId: mostly<number>(0, 1, 2, 3, 10, 11, 2 ** 53 - 1),
  chunk: bytes,
  dataBase64: bytes,
  bodyBase64: bytes,
  offset: mostly<number>(0, 1, 5, 4096, 2 ** 31, 2 ** 53 - 1),
  len: mostly<number>(1, 10, 65_536, 1_048_576, 0, -1, 1_048_577),
  method: text('GET', 'POST', 'HEAD', 'PUT', 'get', 'CONNECT', 'G T', ''),
  url: text(
    url('/ok'),
    ...['/large', '/none', '/error', '/there', '/round', '/astray', '/drop', '/slow', '/odd', '/silent'].map(
      url,
    ),
    ...[
      'http://127.0.0.1:1/',
      `http://u:p@127.0.0.1:${HTTP_PORT}/ok#f`,
      'ftp://127.0.0.1/',
      'http://[::1]:1/',
    ],
  ),
  headers: fc.array(
    fc.record({
      name: text(
        'accept',
        'Host',
        'Content-Length',
        'Transfer-Encoding',
        'Connection',
        'Expect',
        'Upgrade',
        'x y',
      ),
      value: text('1', 'chunked', 'close', '100-continue', 'a\r\nb: c', 'é', '日'),
    }),
    { maxLength: 3 },
  ),
  configPaths: fc.array(fc.array(text('model', 'table', 'list', '0'), { minLength: 1, maxLength: 3 }), {
    maxLength: 3,
  }),
};
