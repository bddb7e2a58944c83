import { userInfo } from 'node:os';
import { expect } from 'chai';
import { RawClient } from '../e2e/support/raw-client.ts';
import { createDirectories, type Directories } from './support/codex.ts';
import { codexProgram } from './support/install.ts';

/** The environment of both servers. */
const BASE = {
  PATH: '/usr/bin:/bin',
  PWD: '/stale',
  OLDPWD: '/stale',
  HOME: '/home/me',
  USER: 'me',
  SHELL: '/bin/sh',
  LANG: 'de_DE.UTF-8',
  lc_ctype: 'odd',
  EDITOR: 'vi',
  editor: 'ed',
  EMPTY: '',
  'A B': 'space',
  ÄPFEL: 'ü',
  LINES: 'a\nb\r\n',
  MY_KEY: '1',
  monkey: '2',
  Npm_Token: '3',
  DB_SECRET_2: '4',
  PGPASSWORD: '5',
  'BASH_FUNC_f%%': '() {  echo hi\n}',
  HTTP_PROXY: 'http://there:1',
  OPENAI_API_KEY: '6',
  OPENAI_FEDERATION_RULE_ID: '7',
  openai_identity_token_file: '8',
  OPENAI_WORKLOAD_IDENTITY_CONTEXT: '9',
  NODE_REPL_AUTH_TOKEN: '10',
  CODEX_EXEC_SERVER_NOISE_AUTH_TOKEN: '11',
  CODEX_TOOL_CALL_ID: 'stale',
  codex_tool_call_id: 'other',
  CODEX_THREAD_ID: 'stale',
  CODEX_SESSION_ID: 'stale',
  CODEX_VERSION: 'stale',
  CODEX_PERMISSION_PROFILE: 'stale',
  CODEX_CI: 'stale',
  ſ: 'long s',
  ẞ: 'sharp s',
};

const WITHHELD = {
  OPENAI_FEDERATION_RULE_ID: '1',
  Openai_Identity_Token_File: '2',
  OPENAI_WORKLOAD_IDENTITY_CONTEXT: '3',
  node_repl_auth_token: '4',
  CODEX_EXEC_SERVER_NOISE_AUTH_TOKEN: '5',
};

/** A policy as Codex sends it: with all fields. */
const policy = (fields: object = {}) => ({
  envPolicy: {
    inherit: 'all',
    ignoreDefaultExcludes: true,
    exclude: [],
    set: {},
    includeOnly: [],
    ...fields,
  },
});

const THREAD = '01a22245-a543-77b1-a889-2a5fd010be47';

/** What Codex 0.171 sends for a command of its own. */
const COMMAND_OF_CODEX = {
  ...policy({
    exclude: [
      'CODEX_PERMISSION_PROFILE',
      'CODEX_VERSION',
      'CODEX_APPLY_PATCH_PRESERVE_LINE_ENDINGS',
      'CODEX_PLUGIN_METRICS_OUTPUT',
    ],
  }),
  metadata: { threadId: THREAD, toolCallId: 'call_1' },
  env: {
    CODEX_SESSION_ID: THREAD,
    CODEX_THREAD_ID: THREAD,
    CODEX_TOOL_CALL_ID: 'call_1',
    CODEX_VERSION: '0.171.0',
    CODEX_CI: '1',
    NO_COLOR: '1',
    TERM: 'dumb',
    COLORTERM: '',
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    LC_CTYPE: 'C.UTF-8',
    PAGER: 'cat',
    GIT_PAGER: 'cat',
    GH_PAGER: 'cat',
  },
};

/** Starts of which the child has the same environment with both servers. */
const SAME: Readonly<Record<string, object>> = {
  'a command of Codex': COMMAND_OF_CODEX,
  'inherit all': policy(),
  'inherit core': policy({ inherit: 'core' }),
  'inherit core with default excludes': policy({ inherit: 'core', ignoreDefaultExcludes: false }),
  'inherit none': policy({ inherit: 'none' }),
  'inherit none, and set': policy({ inherit: 'none', set: { A: '1', MY_TOKEN: '2' } }),
  'inherit none, and an overlay': { ...policy({ inherit: 'none' }), env: { A: '1' } },
  'default excludes': policy({ ignoreDefaultExcludes: false }),
  'default excludes, and a secret that is set': policy({
    ignoreDefaultExcludes: false,
    set: { MY_KEY: 'set', NEW_TOKEN: 'set' },
  }),
  'default excludes, and a secret in the overlay': {
    ...policy({ ignoreDefaultExcludes: false }),
    env: { MY_KEY: 'env' },
  },
  'exclude a name': policy({ exclude: ['EDITOR'] }),
  'exclude a name in lower case': policy({ exclude: ['home'] }),
  'exclude by a prefix': policy({ exclude: ['CODEX_*'] }),
  'exclude by a suffix': policy({ exclude: ['*KEY'] }),
  'exclude by an infix': policy({ exclude: ['*O*E*'] }),
  'exclude by single characters': policy({ exclude: ['?????', 'E????R'] }),
  'exclude by a question mark for a letter of two bytes': policy({ exclude: ['?PFEL'] }),
  'exclude a letter outside ASCII in another case': policy({ exclude: ['äpfel'] }),
  'exclude everything': policy({ exclude: ['*'] }),
  'exclude nothing by the empty pattern': policy({ exclude: [''] }),
  'exclude by brackets, which are literal': policy({ exclude: ['[E]DITOR', '{HOME,USER}'] }),
  'exclude by a backslash, which is literal': policy({ exclude: ['EDITO\\R', '\\*'] }),
  'exclude by a part of a name, which does not match': policy({ exclude: ['EDIT', 'DITOR'] }),
  'exclude a name with a space': policy({ exclude: ['A B'] }),
  'exclude an exported function': policy({ exclude: ['BASH_FUNC_*'] }),
  'exclude a name that is set': policy({ exclude: ['A', 'EDITOR'], set: { A: '1', EDITOR: '2' } }),
  'exclude a name of the overlay': { ...policy({ exclude: ['A'] }), env: { A: '1' } },
  'set a new name': policy({ set: { A: '1' } }),
  'set a name of the base': policy({ set: { HOME: '/other' } }),
  'set a name that differs by case': policy({ set: { Home: '/other' } }),
  'set an empty value': policy({ set: { HOME: '', A: '' } }),
  'set line feeds and tabs': policy({ set: { A: 'x\ny\r\n\tz\n' } }),
  'set a long value': policy({ set: { A: 'x'.repeat(131_069) } }),
  'set characters outside the BMP': policy({ set: { A: '😀', '😀': 'a' } }),
  'set an exported function': policy({ set: { 'BASH_FUNC_g%%': '() {  :\n}' } }),
  'include only names': policy({ includeOnly: ['PATH', 'home'] }),
  'include only patterns': policy({ includeOnly: ['E*', '?SER'] }),
  'include only what nothing matches': policy({ includeOnly: ['NONE'] }),
  'include only the empty pattern': policy({ includeOnly: [''] }),
  'include only, and set': policy({ includeOnly: ['A'], set: { A: '1', B: '2' } }),
  'include only, and an overlay': { ...policy({ includeOnly: ['A'] }), env: { B: '2' } },
  'include only what is excluded': policy({ includeOnly: ['EDITOR', 'HOME'], exclude: ['EDITOR'] }),
  'include only what looks like a secret': policy({
    includeOnly: ['*'],
    ignoreDefaultExcludes: false,
  }),
  'an overlay for a name of the base': { ...policy(), env: { HOME: '/other', PATH: '/bin' } },
  'an empty value in the overlay': { ...policy(), env: { HOME: '', COLORTERM: '' } },
  'an overlay for a name that is set': { ...policy({ set: { A: '1' } }), env: { A: '2' } },
  'an overlay with line feeds': { ...policy(), env: { A: 'x\ny\n' } },
  'withheld names in set': policy({ set: WITHHELD }),
  'withheld names in the overlay': { ...policy(), env: WITHHELD },
  'withheld names in an exact environment': { env: { A: '1', ...WITHHELD } },
  'withheld names with a space before, which are others': {
    env: { ' OPENAI_FEDERATION_RULE_ID': '1' },
  },
  'include only withheld names': policy({ includeOnly: ['*OPENAI*', '*AUTH*'] }),
  'the id of a tool call in set': policy({ set: { CODEX_TOOL_CALL_ID: 'set' } }),
  'the id of a tool call in metadata': { ...policy(), metadata: { toolCallId: 'call_1' } },
  'an empty id of a tool call': { ...policy(), metadata: { toolCallId: '' } },
  'the id of a conversation in metadata': { ...policy(), metadata: { threadId: THREAD } },
  'metadata without ids': { ...policy(), metadata: {} },
  'metadata without a conversation, which is in the overlay': {
    ...policy(),
    env: { CODEX_THREAD_ID: 'env' },
    metadata: { toolCallId: 'call_1' },
  },
  'metadata and a conversation that is set': {
    ...policy({ set: { CODEX_THREAD_ID: 'set' } }),
    metadata: { toolCallId: 'call_1' },
  },
  'metadata and include only': {
    ...policy({ includeOnly: ['PATH'] }),
    metadata: { threadId: THREAD, toolCallId: 'call_1' },
  },
  'metadata and an exact environment': {
    env: { A: '1', CODEX_TOOL_CALL_ID: 'env' },
    metadata: { toolCallId: 'call_1' },
  },
  'metadata that is null': { ...policy(), metadata: null },
  'no policy': { env: { A: '1', EMPTY: '' } },
  'a policy that is null': { envPolicy: null, env: { A: '1' } },
  'no policy and no variable': { env: {} },
  'an unknown field of a policy': policy({ unknown: true }),
};

/** Starts that differ, by what a client of this server gains: see "Differences from Codex" in docs/environment.md. */
const DIFFERENT: Readonly<Record<string, { start: object; codex: unknown; ours: unknown }>> = {
  'the id of a tool call in the overlay without metadata': {
    start: { env: { CODEX_TOOL_CALL_ID: 'env' } },
    codex: {},
    ours: { CODEX_TOOL_CALL_ID: 'env' },
  },
  'null in the overlay, which removes a name': {
    start: { ...policy({ includeOnly: ['EDITOR', 'USER'] }), env: { EDITOR: null, editor: null } },
    codex: -32602,
    ours: { USER: 'me' },
  },
  'a policy without fields, which has the defaults': {
    start: { envPolicy: { includeOnly: ['USER', '*TOKEN*'] }, env: {} },
    codex: -32602,
    ours: { USER: 'me' },
  },
  'no overlay': {
    start: { ...policy({ includeOnly: ['USER'] }), env: undefined },
    codex: -32602,
    ours: { USER: 'me' },
  },
  'PWD, which is that of the child, not that of the server': {
    start: { ...policy({ includeOnly: ['*PWD'] }), cwd: 'file:///usr' },
    codex: { PWD: '/stale', OLDPWD: '/stale' },
    ours: { PWD: '/usr' },
  },
  'letters with several forms, compared in upper case instead of lower case': {
    start: policy({ exclude: ['S', 'ß', '??*'] }),
    codex: { ſ: 'long s' },
    ours: { ẞ: 'sharp s' },
  },
  'a name with an equals sign': {
    start: { env: { 'A=B': '1' } },
    codex: { A: 'B=1' },
    ours: -32602,
  },
  'an empty name': { start: { env: { '': '1' } }, codex: { '': '1' }, ours: -32602 },
  'NUL in a value': { start: { env: { A: 'a\0b' } }, codex: -32603, ours: -32602 },
  'a variable that Linux passes to no program': {
    start: { env: { A: 'x'.repeat(131_070) } },
    codex: -32603,
    ours: -32602,
  },
  'a terminal, where Codex adds SHELL': {
    start: { env: { A: '1' }, tty: true },
    codex: { A: '1', SHELL: userInfo().shell },
    ours: { A: '1' },
  },
};

describe('the environment of a child, compared with that of OpenAI Codex', () => {
  let directories: Directories;
  let codex: RawClient;
  let ours: RawClient;

  before(async () => {
    directories = createDirectories();
    ours = await RawClient.open({ framing: 'newline', env: BASE });
    codex = await RawClient.open({
      argv: [codexProgram(), 'exec-server', '--listen', 'stdio'],
      framing: 'newline',
      checkSchema: false,
      // Codex needs a home directory of its own, which its children see.
      env: { ...BASE, CODEX_HOME: directories.codexHome },
    });
  });

  after(async () => {
    await codex?.close();
    await ours?.close();
    directories?.remove();
  });

  let started = 0;

  /** Returns the environment of a child, or the code of the error. */
  const environment = async (client: RawClient, start: object): Promise<unknown> => {
    const processId = `p${++started}`;
    const { error } = await client.ask('process/start', {
      processId,
      argv: ['/usr/bin/env', '-0'],
      cwd: 'file:///',
      env: {},
      tty: false,
      pipeStdin: false,
      arg0: null,
      ...start,
    });
    if (error !== undefined) return error.code;
    const { stdout, pty } = await client.finished(processId);
    const variables = Buffer.concat([stdout, pty]).toString().split('\0').slice(0, -1);
    return Object.fromEntries(variables.map(text => text.split(/=(.*)/s).slice(0, 2)));
  };

  /** The environment of Codex without its additions: directories of its own in PATH, and CODEX_HOME. */
  const ofCodex = async (start: object): Promise<unknown> => {
    const result = await environment(codex, start);
    if (typeof result !== 'object' || result === null) return result;
    const { CODEX_HOME: _, ...env } = result as Record<string, string>;
    if (env.PATH !== undefined) env.PATH = env.PATH.replace(/^(?:[^:]*\/codex-(?:path|arg0)[^:]*:)+/, '');
    return env;
  };

  // The servers differ in them by intention.
  const withoutPwd = (env: unknown): object => {
    const { PWD: _, OLDPWD: __, ...others } = env as Record<string, string>;
    return others;
  };

  it('has at least sixty equal cases', () => {
    expect(Object.keys(SAME)).to.have.lengthOf.at.least(60);
  });

  for (const [title, start] of Object.entries(SAME)) {
    it(`is the same: ${title}`, async () => {
      const [expected, received] = [await ofCodex(start), await environment(ours, start)];
      expect(expected).to.be.an('object');
      expect(withoutPwd(received)).to.deep.equal(withoutPwd(expected));
    });
  }

  for (const [title, { start, ...expected }] of Object.entries(DIFFERENT)) {
    it(`is different: ${title}`, async () => {
      expect({ codex: await ofCodex(start), ours: await environment(ours, start) }).to.deep.equal(expected);
    });
  }
});
