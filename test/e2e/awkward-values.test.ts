import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MAX_VARIABLE_BYTES } from '../../src/shared-config/limits.ts';
import { RawClient, type RawMessage } from './support/raw-client.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';

/** Values that shells and `env` without -0 print ambiguously. */
const AWKWARD = {
  EMPTY: '',
  LINES: 'one\ntwo\r\n\n',
  QUOTES: `'"\`$HOME\\`,
  CONTROL: '\u0001\u001b[31m\u007f',
  EQUALS: '=a=b=',
  'with space': ' x ',
  'BASH_FUNC_greet%%': '() {  echo "hello\n$1"\n}',
  LONGEST: 'x'.repeat(MAX_VARIABLE_BYTES - 'LONGEST'.length),
};

(process.platform === 'win32' ? describe.skip : describe)('awkward values', () => {
  const clients: RawClient[] = [];
  let cwd: string;

  beforeEach(() => {
    cwd = realpathSync(mkdtempSync(join(tmpdir(), 'awkward-values-test-')));
  });

  afterEach(async () => {
    await Promise.all(clients.splice(0).map(client => client.close()));
    rmSync(cwd, { recursive: true });
  });

  const open = async (env: NodeJS.ProcessEnv = { PATH }) => {
    const client = await RawClient.open({ env });
    clients.push(client);
    return client;
  };

  const start = (client: RawClient, argv: string[], fields: object): Promise<RawMessage> =>
    client.ask('process/start', { processId: 'p', argv, cwd, ...fields });

  /** The output of a process. */
  const outputOf = async (client: RawClient, argv: string[], fields: object): Promise<string> => {
    const { error } = await start(client, argv, fields);
    expect(error).to.equal(undefined);
    const { stdout, exited } = await client.finished('p');
    expect(exited.exitCode).to.equal(0);
    return stdout.toString();
  };

  /** The environment of a process, without PWD. */
  const environment = async (client: RawClient, fields: object) => {
    const output = await outputOf(client, ['/usr/bin/env', '-0'], fields);
    const variables = output.split('\0').slice(0, -1);
    const { PWD: _, ...env } = Object.fromEntries(variables.map(text => text.split(/=(.*)/s).slice(0, 2)));
    return env;
  };

  it('arrive unchanged from the base, set and env, and in an exact environment', async () => {
    const inherited = { PATH, ...AWKWARD };
    expect(await environment(await open(inherited), { envPolicy: {} })).to.deep.equal(inherited);
    const set = { inherit: 'none', set: AWKWARD };
    expect(await environment(await open(), { envPolicy: set })).to.deep.equal(AWKWARD);
    expect(await environment(await open(), { envPolicy: {}, env: AWKWARD })).to.deep.equal(inherited);
    expect(await environment(await open(), { env: AWKWARD })).to.deep.equal(AWKWARD);
  });

  it('export functions that bash can call', async function () {
    const client = await open({ PATH, ...AWKWARD });
    const { error } = await start(client, ['bash', '-c', 'greet you'], { envPolicy: {} });
    if (error !== undefined) return this.skip();
    expect((await client.finished('p')).stdout.toString()).to.equal('hello\nyou\n');
  });

  it('are refused from 128 KiB on, with name, length and limit', async () => {
    const client = await open();
    for (const [field, fields] of [
      ['env', { env: { BIG: 'planted'.repeat(20_000) } }],
      ['envPolicy.set', { envPolicy: { set: { BIG: 'planted'.repeat(20_000) } } }],
    ] as const) {
      const { error } = await start(client, ['true'], fields);
      expect([error?.code, error?.message]).to.deep.equal([
        -32602,
        `${field}.BIG: expected at most 131070 bytes of name and value together, received 140003`,
      ]);
    }
  });

  for (const tty of [false, true]) {
    it(`are explained if they are too long together, ${tty ? 'on a terminal' : 'on pipes'}`, async function () {
      if (process.platform !== 'linux') return this.skip();
      const client = await open();
      // More than a program can get even with an unlimited stack.
      const many = Array.from({ length: 51 }, (_, index) => [`B${index}`, 'p'.repeat(120_980)]);
      const env = { ...Object.fromEntries(many), LONG: 'p'.repeat(121_000) };
      const { error } = await start(client, ['/bin/true'], { env, tty });
      expect(error?.message).to.match(
        /^cannot start \/bin\/true: E2BIG: arguments and variables have 62\d{5} bytes with their pointers; the limit is \d+, a quarter of the stack \(ulimit -s\); the longest is the variable LONG with 121006 bytes$/,
      );
      expect(error?.data).to.include({ kind: 'launchFailed', stage: 'spawn', errno: 'E2BIG' });
    });
  }

  describe('of PATH', () => {
    const script = (folder: string) => {
      mkdirSync(join(cwd, folder), { recursive: true });
      writeFileSync(join(cwd, folder, 'tool'), `#!/bin/sh\necho "${folder}"\n`);
      chmodSync(join(cwd, folder, 'tool'), 0o755);
    };

    const cases: Array<[path: string, scripts: string[], output: string]> = [
      ['', ['.', 'bin'], '.\n'],
      [':/usr/bin', ['.', 'bin'], '.\n'],
      ['/missing::/usr/bin', ['.', 'bin'], '.\n'],
      ['/usr/bin:', ['.', 'bin'], '.\n'],
      ['bin', ['.', 'bin'], 'bin\n'],
      ['./bin/:.', ['.', 'bin'], 'bin\n'],
      ['missing:bin', ['bin'], 'bin\n'],
    ];
    for (const [path, scripts, output] of cases) {
      it(`${JSON.stringify(path)} is resolved from the directory of the process`, async () => {
        for (const folder of scripts) script(folder);
        const fields = { envPolicy: { set: { PATH: path } } };
        expect(await outputOf(await open(), ['tool'], fields)).to.equal(output);
        expect(await outputOf(await open({ PATH: path }), ['tool'], { envPolicy: {} })).to.equal(output);
        expect(await outputOf(await open(), ['tool'], { env: { PATH: path } })).to.equal(output);
      });
    }
  });

  it('of HOME and LANG stay as the server has them', async () => {
    expect(await environment(await open({ PATH }), { envPolicy: {} })).to.deep.equal({ PATH });
    const slash = { PATH, HOME: `${cwd}/`, LANG: '' };
    expect(await environment(await open(slash), { envPolicy: { inherit: 'core' } })).to.deep.equal(slash);
  });
});
