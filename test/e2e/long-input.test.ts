import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { RawClient } from './support/raw-client.ts';
import { at, entry, requireSandbox, sandboxOf, special } from './support/sandboxes.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';

/** A request beyond a limit, and its error message. */
type Refusal = readonly [title: string, method: string, params: object, message: RegExp];

const texts = (count: number, text: (at: number) => string): string[] =>
  Array.from({ length: count }, (_, at) => text(at));
const variables = (count: number, name: (at: number) => string) =>
  Object.fromEntries(texts(count, name).map(each => [each, '']));

const start = (params: object) => ({ processId: 'p', argv: ['true'], cwd: '/', env: { PATH }, ...params });
const http = (params: object) => ({ requestId: 'r', method: 'GET', url: 'http://127.0.0.1:1/', ...params });
const entriesFor = (paths: readonly string[]) =>
  sandboxOf([entry(special('root'), 'read'), ...paths.map(path => entry(at(path), 'write'))]);

const REFUSALS: readonly Refusal[] = [
  [
    'a long name against many patterns',
    'environment/explain',
    {
      envPolicy: {
        set: { ['a'.repeat(100_000)]: 'x' },
        includeOnly: texts(60, () => `*${'?'.repeat(1000)}b`),
      },
    },
    /^matchSteps: 8000001 exceeds the limit of 8000000; use fewer or shorter names and patterns$/,
  ],
  [
    'a long name against many patterns, at a start',
    'process/start',
    start({
      envPolicy: {
        set: variables(10_000, at => `NAME_${at}`),
        includeOnly: texts(1000, at => `*PATTERN_${at}*`),
      },
    }),
    /^matchSteps: /,
  ],
  [
    'long patterns',
    'environment/explain',
    { envPolicy: { exclude: texts(1000, () => '*a'.repeat(100)) } },
    /^envPolicy\.exclude: expected patterns of at most 65536 characters in all$/,
  ],
  [
    'a PATH of many directories',
    'process/start',
    start({ argv: ['nothing'], env: { PATH: '/a:'.repeat(2000) } }),
    /^pathDirectories: 2001 exceeds the limit of 1024$/,
  ],
  [
    'a long path',
    'fs/getMetadata',
    { path: `/${'a/'.repeat(10_000)}` },
    /^path: expected at most 16384 characters/,
  ],
  [
    'a long cwd',
    'process/start',
    start({ cwd: `/${'a'.repeat(20_000)}` }),
    /^cwd: expected at most 16384 char/,
  ],
  [
    'a long signal',
    'process/signal',
    { processId: 'p', signal: 'x'.repeat(65) },
    /^signal: expected at most 64/,
  ],
  [
    'a long URL',
    'http/request',
    http({ url: `http://h/${'x'.repeat(70_000)}` }),
    /^url: expected at most 65536 char/,
  ],
  [
    'many headers',
    'http/request',
    http({ headers: texts(1001, at => `x-${at}`).map(name => ({ name, value: '' })) }),
    /^headers: expected at most 1000 entries, received an array of 1001$/,
  ],
  [
    'long headers',
    'http/request',
    http({ headers: [{ name: 'x', value: 'v'.repeat(300_000) }] }),
    /^headers: expected names and values of at most 262144 characters in all$/,
  ],
  [
    'many keys of a configuration file',
    'environmentConfig/read',
    { configPaths: [texts(65, () => 'a')], requirementsPaths: [] },
    /^configPaths\[0\]: expected at most 64 entries/,
  ],
  [
    'a long name to explain',
    'environment/explain',
    { names: ['x'.repeat(4097)] },
    /^names\[0\]: expected at most 4096 bytes, received 4097$/,
  ],
];

const SANDBOX_REFUSALS: readonly Refusal[] = [
  [
    'many entries',
    'process/start',
    start({ sandbox: entriesFor(texts(512, at => `/a/${at}`)) }),
    /^sandbox\.permissions\.file_system\.entries: expected at most 512 entries/,
  ],
  [
    'many paths from few entries',
    'fs/getMetadata',
    {
      path: '/',
      sandbox: {
        ...sandboxOf(
          texts(20, at => `d${at}`).map(subpath => entry(special('project_roots', subpath), 'write')),
        ),
        workspaceRoots: texts(60, at => `/r${at}`),
      },
    },
    /^sandboxPaths: 300 exceeds the limit of 256/,
  ],
  [
    'a deep path',
    'process/start',
    start({ sandbox: entriesFor([`/${'a/'.repeat(200)}b`]) }),
    /^sandboxDepth: 201 exceeds the limit of 128$/,
  ],
  [
    'many deep paths',
    'process/start',
    start({ sandbox: entriesFor(texts(100, at => `/${'a/'.repeat(99)}${at}`)) }),
    /^sandboxDirectories: 10001 exceeds the limit of 8192$/,
  ],
];

describe('input whose cost is a product of lengths', () => {
  let client: RawClient;
  let directory: string;
  before(async () => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-long-')));
    client = await RawClient.open();
  });
  after(async () => {
    await client.close();
    rmSync(directory, { recursive: true });
  });

  for (const [title, method, params, message] of REFUSALS) {
    it(`is refused: ${title}`, async () => {
      const { error } = await client.ask(method, params);
      expect(error?.message).to.match(message);
      expect([-32600, -32602]).to.include(error?.code);
    });
  }

  for (const [title, method, params, message] of SANDBOX_REFUSALS) {
    it(`is refused in a sandbox: ${title}`, async function () {
      requireSandbox(this);
      expect((await client.ask(method, params)).error?.message).to.match(message);
    });
  }

  it('is truncated in the error for an unknown method', async () => {
    const { error } = await client.ask('x'.repeat(1_000_000));
    expect(error).to.deep.equal({
      code: -32601,
      message: `unknown method ${'x'.repeat(256)}…`,
      data: { kind: 'unknownMethod', method: `${'x'.repeat(256)}…` },
    });
  });

  it('is not parsed if there are too many paths to watch', async () => {
    const missing = texts(200_000, () => 'no path');
    expect(await client.request('fs/watchMissing', { watchId: 1, missing })).to.deep.equal({
      watching: false,
    });
  });

  it('is processed in slices for a directory with many entries', async () => {
    const [many, target, link] = [
      join(directory, 'many'),
      join(directory, 'target'),
      join(directory, 'many', 'link'),
    ];
    mkdirSync(many);
    mkdirSync(target);
    writeFileSync(join(target, 'stays'), '');
    symlinkSync(target, link);
    const names = texts(3000, at => `f${String(at).padStart(5, '0')}`);
    for (const name of names) writeFileSync(join(many, name), '');
    mkdirSync(join(many, 'z', 'deep', 'er'), { recursive: true });
    writeFileSync(join(many, 'z', 'deep', 'file'), '');
    const { entries } = await client.request('fs/readDirectory', { path: many });
    const walked = await client.request('fs/walk', { path: many, options: {} });
    await client.request('fs/remove', { path: many });
    expect([
      entries.map(({ fileName }: { fileName: string }) => fileName),
      walked.entries.length,
      existsSync(many),
      existsSync(join(target, 'stays')),
    ]).to.deep.equal([[...names, 'link', 'z'], names.length + 4, false, true]);
  });
});
