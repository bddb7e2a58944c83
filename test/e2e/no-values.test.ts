import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runCli } from './support/cli.ts';
import { fixturePath, programPath } from './support/program.ts';
import { RawClient, type RawFraming, type RawMessage, rawFrame } from './support/raw-client.ts';
import { waitForNoSurvivorsIn } from './support/survivors.ts';

// All values of variables in this file contain this word, and nothing else does.
const PLANTED = 'planted';
const NEWLINE = Buffer.from('\n');
const PATH = '/usr/local/bin:/usr/bin:/bin';

/** The environment of a server: values of many forms, under names that look secret and names that do not. */
const env = {
  PATH,
  // The client receives this one: the home directory of the machine.
  HOME: '/home/me',
  LANG: `de_DE.${PLANTED}`,
  MY_TOKEN: PLANTED,
  API_KEY: `ghp_${PLANTED.repeat(6)}`,
  DATABASE_URL: `postgres://me:${PLANTED}@db/app`,
  LINES: `one\n${PLANTED}\n`,
  QUOTED: `"${PLANTED}", '${PLANTED}'`,
  PRIVATE: `-----BEGIN PRIVATE KEY-----\n${PLANTED}\n`,
};

const values = { SET_BY_CLIENT: PLANTED, OTHER_URL: `http://me:${PLANTED}@host`, EMPTY: '' };
const START = { argv: ['true'], cwd: '/', env: { PATH, ...values } };
const policy = (more: object = {}) => ({
  envPolicy: { set: values, ...more },
  env: { ...values, HOME: null },
});
const tooMany = Object.fromEntries(Array.from({ length: 10_001 }, (_, at) => [`N${at}`, PLANTED]));
// Longer than any system accepts.
const tooLong = PLANTED.repeat(600_000);

/** All messages, stray bytes and stderr of a server, without the output of its processes. */
const allOutput = ({ messages, stderr, strayBytes }: RawClient): string => {
  const output = ({ method }: RawMessage) => method === 'process/output';
  return [
    ...messages.filter(message => !output(message)).map(message => JSON.stringify(message)),
    stderr,
    strayBytes,
  ].join('\n');
};

const expectNone = (text: string, where: string) => {
  const at = text.indexOf(PLANTED);
  const context = at < 0 ? '' : text.slice(Math.max(0, at - 200), at + 50);
  expect(context, `a value is in ${where}`).to.equal('');
};

describe('values of variables', () => {
  describe('are never sent by a server', () => {
    let client: RawClient;

    beforeEach(async () => {
      client = await RawClient.open({ env });
    });

    afterEach(async () => {
      expect(await client.close()).to.equal(0);
      expectNone(allOutput(client), 'output of the server');
    });

    const refused: Array<[title: string, method: string, params: object]> = [
      ['no such program', 'process/start', { ...START, argv: ['no-such-program'] }],
      ['no such program, by a policy', 'process/start', { ...START, ...policy(), argv: ['no-such-program'] }],
      ['no such directory', 'process/start', { ...START, cwd: '/no/such' }],
      ['a file that is not executable', 'process/start', { ...START, argv: ['/etc/passwd'] }],
      ['a relative directory', 'process/start', { ...START, cwd: 'relative' }],
      ['an empty argv', 'process/start', { ...START, argv: [] }],
      ['a sandbox', 'process/start', { ...START, sandbox: { kind: 'any' } }],
      ['a variable too long for the system', 'process/start', { ...START, env: { PATH, tooLong } }],
      ['too many variables', 'process/start', { ...START, env: tooMany }],
      ['too many variables in set', 'process/start', { ...START, envPolicy: { set: tooMany } }],
      ['a value of another type', 'process/start', { ...START, env: { A: [PLANTED] } }],
      [
        'values of other types in set',
        'process/start',
        { ...START, envPolicy: { set: { A: { B: PLANTED } } } },
      ],
      [
        'a value that is null in set',
        'process/start',
        { ...START, envPolicy: { set: { ...values, A: null } } },
      ],
      ['an env that is text', 'process/start', { ...START, env: `A=${PLANTED}` }],
      ['an env that is a list', 'process/start', { ...START, env: [`A=${PLANTED}`] }],
      ['a value in a name', 'process/start', { ...START, env: { [`A=${PLANTED}`]: '' } }],
      ['a value behind a NUL in a name', 'process/start', { ...START, env: { [`A\0${PLANTED}`]: '' } }],
      ['a NUL in a value', 'process/start', { ...START, env: { A: `${PLANTED}\0` } }],
      ['a NUL in a value of set', 'process/start', { ...START, envPolicy: { set: { A: `\0${PLANTED}` } } }],
      ['a boolean that is text', 'process/start', { ...START, envPolicy: { secretValues: PLANTED } }],
      ['an unknown inherit', 'process/start', { ...START, envPolicy: { inherit: PLANTED } }],
      ['an unknown base', 'environment/explain', { envPolicy: { base: PLANTED } }],
      ['patterns that are not a list', 'process/start', { ...START, envPolicy: { exclude: PLANTED } }],
      ['explained values of another type', 'environment/explain', { env: { A: [PLANTED] } }],
      ['an explained policy that is text', 'environment/explain', { envPolicy: PLANTED }],
      ['an unknown method', 'process/begin', { ...START, ...policy() }],
      ['a second initialize', 'initialize', { clientName: 'raw', env: values }],
    ];
    for (const tty of [false, true]) {
      it(`in the error of a refused start, ${tty ? 'on a terminal' : 'on pipes'}`, async () => {
        for (const [title, method, params] of refused) {
          // The terminal exists before the system refuses the program: the error is output of the process.
          if (tty && title.includes('for the system')) continue;
          const { error } = await client.ask(method, { processId: 'p', tty, ...params });
          expect(error, title).to.have.property('message');
        }
      });
    }

    it('in an explanation', async () => {
      const asked = [
        { ...policy() },
        { ...policy({ secretValues: true, keepLocale: true, ignoreDefaultExcludes: true }) },
        { ...policy({ inherit: 'none', includeOnly: ['A*'] }) },
        { env: values },
        { ...policy(), names: ['HOME', 'MY_TOKEN', 'DATABASE_URL', 'NOWHERE'] },
        { ...policy({ base: 'loginInteractive' }) },
      ];
      for (const params of asked) {
        const { counts } = await client.request('environment/explain', params);
        expect(counts.set).to.be.greaterThan(0);
      }
      await client.request('environment/refresh', { base: 'login' });
    });

    it('in messages about processes that have them', async () => {
      const start = (processId: string, more: object) =>
        client.request('process/start', {
          processId,
          ...START,
          ...policy({ ignoreDefaultExcludes: true }),
          ...more,
        });
      await start('runs', { argv: ['sleep', '600'] });
      await start('prints', { argv: ['env'] });
      await start('on a terminal', { argv: ['env'], tty: true });
      await start('of a shell', { argv: ['env'], envPolicy: { base: 'login', set: values } });
      for (const processId of ['prints', 'on a terminal', 'of a shell']) {
        const { stdout, pty } = await client.finished(processId);
        // Otherwise the test would search for nothing.
        expect(`${stdout}${pty}`).to.contain(PLANTED);
      }
      for (const method of ['process/list', 'server/status', 'environment/info'])
        await client.request(method, {});
      await client.ask('process/resize', { processId: 'runs', size: { columns: 1, rows: 1 } });
      await client.ask('process/write', { processId: 'runs', chunk: 'no base64' });
      await client.ask('process/start', { processId: 'runs', ...START, ...policy() });
      await client.request('process/terminate', { processId: 'runs' });
      await client.finished('runs');
    });
  });

  const request = JSON.stringify({
    id: 7,
    method: 'process/start',
    params: { processId: 'p', ...START, ...policy() },
  });
  const notUtf8 = Buffer.concat([Buffer.from(request), Buffer.from([0xff])]);
  const bodies: Array<[title: string, body: string | Buffer]> = [
    ['truncated JSON', request.slice(0, -10)],
    ['JSON with an error in a value', request.replaceAll(PLANTED, `${PLANTED}"`)],
    ['a message without a method', request.replace('"method"', '"verb"')],
    ['a message whose method is an object', request.replace('"process/start"', '{}')],
    ['text that is not UTF-8', notUtf8],
  ];
  const withLength = (length: number) => `Content-Length: ${length}\r\n\r\n${request}\n`;
  const streams: Array<readonly [title: string, framing: RawFraming, bytes: string | Buffer]> = [
    ...bodies.map(([title, body]) => [title, 'contentLength', rawFrame(body)] as const),
    ...bodies.map(
      ([title, body]) => [title, 'newline', Buffer.concat([Buffer.from(body), NEWLINE])] as const,
    ),
    ['a line that is not JSON', 'newline', `A=${PLANTED}\n`],
    ['a length that is too short', 'contentLength', withLength(40)],
    ['a length that ends within a value', 'contentLength', withLength(request.indexOf(PLANTED) + 3)],
    ['no header', 'contentLength', ` ${request}\n\n`],
  ];
  for (const [title, framing, bytes] of streams) {
    it(`are never sent in the answer to ${title} (${framing})`, async () => {
      const client = await RawClient.open({ env, framing });
      client.sendBytes(bytes);
      await client.waitFor('an error', ({ error }) => error !== undefined);
      expect((await client.request('environment/info', {})).platformOs).to.be.a('string');
      await client.close();
      expectNone(allOutput(client), 'output of the server');
    });
  }

  it('are never sent in the warning about a variable that is not UTF-8', async () => {
    const script = `BAD=$(printf '${PLANTED}\\377') exec '${process.execPath}' '${programPath}' --stdio`;
    const client = await RawClient.open({ env, argv: ['/bin/sh', '-c', script] });
    await client.close();
    expect(client.stderr).to.equal('exec-server: ignoring environment variable BAD: it is not valid UTF-8\n');
  });

  describe('are never sent by a server with a defect', () => {
    let cwd: string;
    let client: RawClient;

    beforeEach(async () => {
      cwd = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-')));
      const argv = [
        process.execPath,
        '--import',
        fixturePath('throws-values.js'),
        programPath,
        '--stdio',
      ] as const;
      client = await RawClient.open({ env, argv });
      await client.request('process/start', { processId: 'p', argv: ['sleep', '600'], cwd, ...policy() });
    });

    afterEach(async () => {
      await waitForNoSurvivorsIn(cwd);
      rmSync(cwd, { recursive: true });
      expectNone(allOutput(client), 'output of the server');
    });

    it('in the answer to a request', async () => {
      const { error } = await client.ask('server/status', {});
      expect(error).to.deep.equal({
        code: -32603,
        message: 'internal error (TypeError)',
        data: { kind: 'internal' },
      });
      expect(await client.close()).to.equal(0);
      expect(client.stderr).to.match(/^exec-server: internal error: TypeError at .*throws-values\.js/);
    });

    for (const [signal, what, name] of [
      ['SIGUSR2', 'causes an exception', 'RangeError'],
      ['SIGWINCH', 'causes an unhandled rejection', 'Error'],
    ] as const) {
      it(`that ${what}; it ends its children first`, async () => {
        client.server.kill(signal);
        expect(await client.ended).to.equal(70);
        expect(client.stderr).to.match(
          new RegExp(`^exec-server: internal error: ${name} at .*throws-values`),
        );
      });
    }
  });

  describe('are never printed by the command line', () => {
    const via = (command: string) => ['--via', command];
    const given = ['--env', `A=${PLANTED}`, '--set', `B=${PLANTED}`];
    const cases: Array<[title: string, args: string[], end: number]> = [
      ['a program that is missing', ['run', ...given, '--', 'no-such-program'], 127],
      ['a directory that is missing', ['run', ...given, '--cwd', '/no/such', '--', 'true'], 125],
      [
        'a program that is missing on another server',
        ['run', ...via(`exec '${process.execPath}' '${programPath}' --stdio`), ...given, 'no-such-program'],
        127,
      ],
      ['a name that is set and unset', ['run', ...given, '--unset', 'A', 'true'], 2],
      ['a value without a name', ['run', '--env', `=${PLANTED}`, 'true'], 2],
      ['a value without a name in set', ['env', '--set', `=${PLANTED}`], 2],
      [
        'a variable that is too long',
        [
          'run',
          '--env',
          `A=${tooLong.slice(0, 131_000)}`,
          '--env',
          `B=${tooLong.slice(0, 131_000)}`,
          '/no/such',
        ],
        127,
      ],
      ['no server', ['run', ...via('exit 3'), ...given, 'true'], 255],
      ['no ssh', ['run', '--ssh', 'nowhere.invalid', ...given, 'true'], 255],
      ['an explanation', ['env', '--explain', ...given, '--secret-values', '--ignore-default-excludes'], 0],
      ['an explanation for programs', ['env', '--explain', '--json', ...given], 0],
      ['names without --explain', ['env', ...given, 'A'], 2],
    ];
    for (const [title, args, end] of cases) {
      it(`with ${title}`, async () => {
        const result = await runCli(args, { env });
        expect(result.end).to.equal(end);
        expectNone(`${result.stdout}\n${result.stderr}`, 'what the program printed');
      });
    }
  });
});
