import { expect } from 'chai';
import {
  chooseEnvironment,
  type EnvironmentsConfig,
  parseEnvironments,
} from '../../src/codex-config/environments.ts';
import { MAX_ENVIRONMENT_ID_LENGTH, MAX_TIMEOUT_SECONDS } from '../../src/codex-config/limits.ts';
import { MAX_VARIABLES } from '../../src/shared-config/limits.ts';
import { complaint } from './complaint.ts';

const read = (...lines: string[]): EnvironmentsConfig => parseEnvironments(lines.join('\n'), 'e.toml');
const complaints = (...lines: string[]): string[] => complaint(() => read(...lines));
const entry = (...lines: string[]): string[] => ['[[environments]]', 'id = "a"', ...lines];
const local = { kind: 'local', id: 'local' } as const;
const program = {
  kind: 'program',
  program: 'ssh',
  args: [],
  env: {},
  cwd: undefined,
  initializeTimeoutMs: 10_000,
} as const;

describe('parseEnvironments', () => {
  it('has this machine without any entry', () => {
    expect(read()).to.deep.equal({ file: 'e.toml', list: [local], default: 'local' });
  });

  it('reads every key, and leaves what only Codex can use to Codex', () => {
    expect(
      read(
        'default = "devbox"',
        'include_local = true',
        '[[environments]]',
        'id = "devbox"',
        'program = "ssh"',
        'args = ["devbox", "exec-server --stdio"]',
        'cwd = "work/here"',
        'initialize_timeout_sec = 2.5',
        'skills = { required = true }',
        '[environments.env]',
        'SSH_AUTH_SOCK = "/run/agent"',
        '"a.b" = ""',
        '[[environments]]',
        'id = "cloud"',
        'url = "wss://host"',
        'auth_bearer_token = "secret"',
        'connect_timeout_sec = 1',
        'initialize_timeout_sec = 1',
      ),
    ).to.deep.equal({
      file: 'e.toml',
      list: [
        local,
        {
          kind: 'program',
          id: 'devbox',
          program: 'ssh',
          args: ['devbox', 'exec-server --stdio'],
          env: { SSH_AUTH_SOCK: '/run/agent', 'a.b': '' },
          cwd: 'work/here',
          initializeTimeoutMs: 2500,
        },
        { kind: 'url', id: 'cloud', line: 13 },
      ],
      default: 'devbox',
    });
  });

  it('gives a program its defaults', () => {
    expect(read(...entry('program = " ssh "')).list).to.deep.equal([local, { ...program, id: 'a' }]);
  });

  it('takes entries in any way that TOML writes them', () => {
    const written = read('environments = [{ id = "a", program = "ssh", env.A = "1" }]').list[1];
    expect(written).to.deep.equal({ ...program, id: 'a', env: { A: '1' } });
  });

  const defaults: Array<[lines: string[], id: string | undefined]> = [
    [['include_local = false'], undefined],
    [['default = "none"'], undefined],
    [['default = "None"'], undefined],
    [['default = " a "', ...entry('program = "ssh"')], 'a'],
    [['default = "local"'], 'local'],
    [['default = "none"', 'include_local = false'], undefined],
  ];
  for (const [lines, id] of defaults) {
    it(`has ${id ?? 'no'} default in ${lines.join('; ')}`, () => {
      expect(read(...lines).default).to.equal(id);
    });
  }

  it('leaves this machine out on request', () => {
    expect(read('include_local = false', ...entry('program = "ssh"')).list).to.deep.equal([
      { ...program, id: 'a' },
    ]);
  });

  for (const id of ['a', '0', '-', '_', 'A-b_9', 'Local', 'nones', 'x'.repeat(MAX_ENVIRONMENT_ID_LENGTH)]) {
    it(`takes the id ${id.slice(0, 10)} of ${id.length}`, () => {
      expect(read('[[environments]]', `id = "${id}"`, 'program = "ssh"').list[1]).to.deep.equal({
        ...program,
        id,
      });
    });
  }

  const BAD_ID = `e.toml:2:1: environments[0].id: expected 1 to ${MAX_ENVIRONMENT_ID_LENGTH} of A-Z, a-z, 0-9, - and _`;
  for (const id of [
    '',
    ' ',
    ' a',
    'a ',
    'a b',
    'ä',
    'a.b',
    'a\\nb',
    'x'.repeat(MAX_ENVIRONMENT_ID_LENGTH + 1),
  ]) {
    it(`refuses the id ${JSON.stringify(id.slice(0, 10))} of ${id.length}`, () => {
      expect(complaints('[[environments]]', `id = "${id}"`, 'program = "ssh"')).to.deep.equal([BAD_ID]);
    });
  }

  for (const id of ['local', 'none', 'NONE', 'None']) {
    it(`refuses the id ${id}, which says something else already`, () => {
      expect(complaints('[[environments]]', `id = "${id}"`, 'program = "ssh"')).to.deep.equal([
        'e.toml:2:1: environments[0].id: `local` and `none` are reserved',
      ]);
    });
  }

  const wrong: Array<[title: string, lines: string[], complaints: string[]]> = [
    ['an unknown key', ['defualt = "a"'], ['e.toml:1:1: unknown key `defualt`, did you mean `default`?']],
    ['a key like no other', ['colour = 1'], ['e.toml:1:1: unknown key `colour`']],
    [
      'an unknown key of an entry',
      entry('program = "ssh"', '  Programm = "x"', '"a b" = 1'),
      [
        'e.toml:4:3: environments[0]: unknown key `Programm`, did you mean `program`?',
        'e.toml:5:1: environments[0]: unknown key `"a b"`',
      ],
    ],
    [
      'a default of another type',
      ['default = 1'],
      ['e.toml:1:1: default: expected a string, received a number'],
    ],
    [
      'a default that is not there',
      ['default = "devbx"', '[[environments]]', 'id = "devbox"', 'program = "ssh"'],
      ['e.toml:1:1: default: unknown environment `devbx`, did you mean `devbox`?'],
    ],
    ['an empty default', ['default = " "'], ['e.toml:1:1: default: unknown environment `""`']],
    [
      'this machine as the default where it is left out',
      ['default = "local"', 'include_local = false'],
      ['e.toml:1:1: default: unknown environment `local`'],
    ],
    [
      'a switch of another type',
      ['include_local = "yes"'],
      ['e.toml:1:1: include_local: expected true or false, received a string'],
    ],
    [
      'one table for all entries',
      ['[environments]', 'id = "a"'],
      [
        'e.toml:1:1: environments: expected an array of tables, each beginning with [[environments]], received a table',
      ],
    ],
    [
      'entries of another type',
      ['environments = [1]'],
      ['e.toml:1:17: environments[0]: expected a table, received a number'],
    ],
    [
      'an entry without an id',
      ['[[environments]]', 'program = "ssh"'],
      ['e.toml:1:1: environments[0].id: expected a string, but it is missing'],
    ],
    [
      'an entry without a program',
      entry('args = ["x"]'),
      ['e.toml:1:1: environments[0]: expected a `program`, but it is missing'],
    ],
    [
      'an empty program',
      entry('program = " "'),
      [
        'e.toml:3:1: environments[0].program: expected the name or the path of a program, received an empty string',
      ],
    ],
    ...['', 'host', 'https://host', 'WS://host', 'ws://', 'ws:///x', 'wss://a b'].map(
      (url): [title: string, lines: string[], complaints: string[]] => [
        `${JSON.stringify(url)} for a url`,
        entry(`url = ${JSON.stringify(url)}`),
        [
          'e.toml:3:1: environments[0].url: expected a URL that begins with ws:// or wss://, received another string',
        ],
      ],
    ),
    [
      'a program next to a url',
      entry('url = "ws://x"', 'program = "ssh"'),
      ['e.toml:3:1: environments[0].url: cannot be combined with `program`'],
    ],
    [
      'what a program can use, with a url',
      entry('url = "ws://x"', 'args = []', 'env = {}', 'cwd = "x"'),
      [
        'e.toml:4:1: environments[0].args: is not allowed together with `url`',
        'e.toml:5:1: environments[0].env: is not allowed together with `url`',
        'e.toml:6:1: environments[0].cwd: is not allowed together with `url`',
      ],
    ],
    [
      'what a url can use, with a program',
      entry('program = "ssh"', 'auth_bearer_token = "x"', 'connect_timeout_sec = 1'),
      [
        'e.toml:4:1: environments[0].auth_bearer_token: is not allowed together with `program`',
        'e.toml:5:1: environments[0].connect_timeout_sec: is not allowed together with `program`',
      ],
    ],
    [
      'arguments of another type',
      entry('program = "ssh"', '  args = 5'),
      ['e.toml:4:3: environments[0].args: expected an array of strings, received a number'],
    ],
    [
      'an argument of another type',
      entry('program = "ssh"', 'args = [', '  "a",', '  1979-05-27,', ']'),
      ['e.toml:6:3: environments[0].args[1]: expected a string, received a date or time'],
    ],
    [
      'a NUL in what no program can be given',
      entry('program = "s\\u0000h"', 'args = ["\\u0000"]', 'cwd = "\\u0000"'),
      [
        'e.toml:3:1: environments[0].program: may not contain NUL',
        'e.toml:4:9: environments[0].args[0]: may not contain NUL',
        'e.toml:5:1: environments[0].cwd: may not contain NUL',
      ],
    ],
    [
      'variables of another type',
      entry('program = "ssh"', 'env = ["A=1"]'),
      ['e.toml:4:1: environments[0].env: expected a table of strings, received an array'],
    ],
    [
      'a variable of another type',
      entry('program = "ssh"', '[environments.env]', 'A = true'),
      ['e.toml:5:1: environments[0].env.A: expected a string, received a boolean'],
    ],
    [
      'variables that no environment can hold',
      entry('program = "ssh"', '[environments.env]', '"A=planted" = ""', '"" = ""', '__proto__ = 1'),
      [
        'e.toml:4:1: environments[0].env.A: a variable name may not contain "="',
        'e.toml:6:1: environments[0].env."": a variable name may not be empty',
        'e.toml:7:1: environments[0].env.__proto__: expected a string, received a number',
      ],
    ],
    [
      'a variable with a NUL',
      entry('program = "ssh"', 'env.A = "\\u0000"'),
      ['e.toml:4:5: environments[0].env.A: a variable value may not contain NUL'],
    ],
    [
      'an id a second and a third time',
      [...entry('program = "x"'), ...entry('program = "y"'), ...entry('program = "z"')],
      [
        'e.toml:5:1: environments[1].id: duplicate id: environments[0] has it already',
        'e.toml:8:1: environments[2].id: duplicate id: environments[0] has it already',
      ],
    ],
  ];
  for (const [title, lines, expected] of wrong) {
    it(`refuses ${title}`, () => {
      expect(complaints(...lines)).to.deep.equal(expected);
    });
  }

  it('reports all problems of a file together', () => {
    expect(
      complaints('include_local = 1', 'default = "x"', '[[environments]]', 'prorgam = "x"', 'args = 1'),
    ).to.deep.equal([
      'e.toml:1:1: include_local: expected true or false, received a number',
      'e.toml:2:1: default: unknown environment `x`',
      'e.toml:3:1: environments[0].id: expected a string, but it is missing',
      'e.toml:3:1: environments[0]: expected a `program`, but it is missing',
      'e.toml:4:1: environments[0]: unknown key `prorgam`, did you mean `program`?',
      'e.toml:5:1: environments[0].args: expected an array of strings, received a number',
    ]);
  });

  it('takes timeouts from a millisecond to what a timer can wait', () => {
    const timeoutOf = (seconds: string) => {
      const [, found] = read(...entry('program = "ssh"', `initialize_timeout_sec = ${seconds}`)).list;
      return found?.kind === 'program' ? found.initializeTimeoutMs : undefined;
    };
    expect(['0.001', '1', '1.5', '0.0014', '1_0', String(MAX_TIMEOUT_SECONDS)].map(timeoutOf)).to.deep.equal([
      1,
      1000,
      1500,
      1,
      10_000,
      MAX_TIMEOUT_SECONDS * 1000,
    ]);
    expect(MAX_TIMEOUT_SECONDS * 1000).to.be.lessThan(2 ** 31);
  });

  for (const seconds of ['0', '-1', '0.0009', String(MAX_TIMEOUT_SECONDS + 1)]) {
    it(`refuses a timeout of ${seconds} s`, () => {
      expect(complaints(...entry('program = "ssh"', `initialize_timeout_sec = ${seconds}`))).to.deep.equal([
        `e.toml:4:1: environments[0].initialize_timeout_sec: expected seconds, from 0.001 to ${MAX_TIMEOUT_SECONDS}`,
      ]);
    });
  }

  for (const [value, came] of [
    ['nan', 'inf or nan'],
    ['inf', 'inf or nan'],
    ['"1"', 'a string'],
    ['{}', 'a table'],
  ] as const) {
    it(`refuses a timeout that is ${came}: ${value}`, () => {
      expect(complaints(...entry('url = "ws://x"', `connect_timeout_sec = ${value}`))).to.deep.equal([
        `e.toml:4:1: environments[0].connect_timeout_sec: expected a number, received ${came}`,
      ]);
    });
  }

  it('refuses more variables than an overlay may have', () => {
    const names = Array.from({ length: MAX_VARIABLES + 1 }, (_, index) => `V${index} = ""`);
    const within = read(...entry('program = "ssh"', '[environments.env]', ...names.slice(1))).list[1];
    expect(Object.keys((within as { env: object }).env)).to.have.lengthOf(MAX_VARIABLES);
    expect(complaints(...entry('program = "ssh"', '[environments.env]', ...names))).to.deep.equal([
      `e.toml:4:1: environments[0].env: expected at most ${MAX_VARIABLES} variables, received ${MAX_VARIABLES + 1}`,
    ]);
  });
});

describe('chooseEnvironment', () => {
  const config = read(
    ...entry('program = "ssh"'),
    '[[environments]]',
    'id = "cloud"',
    'url = "ws://me:planted@x"',
  );

  it('finds this machine and the entries with a program', () => {
    expect([chooseEnvironment(config, 'local'), chooseEnvironment(config, 'a')]).to.deep.equal([
      local,
      { ...program, id: 'a' },
    ]);
  });

  it('refuses an entry with a url, once it is asked for', () => {
    expect(complaint(() => chooseEnvironment(config, 'cloud'))).to.deep.equal([
      'e.toml:4:1: environment `cloud` has a url, which is not supported; it needs a program',
    ]);
  });

  const unknown: Array<[id: string, lines: string[], complaint: string]> = [
    [
      'claud',
      ['[[environments]]', 'id = "cloud"', 'url = "ws://x"'],
      'unknown environment `claud`, did you mean `cloud`?',
    ],
    ['A', entry('program = "x"'), 'unknown environment `A`, did you mean `a`?'],
    ['devbox', entry('program = "x"'), 'unknown environment `devbox`; known: `local`, `a`'],
    ['none', [], 'unknown environment `none`; known: `local`'],
    ['devbox', ['include_local = false'], 'unknown environment `devbox`; none is configured'],
    ['local', ['include_local = false'], '`local` is excluded by include_local = false'],
    ['\x1b[31m', [], 'unknown environment `"\\u001b[31m"`; known: `local`'],
  ];
  for (const [id, lines, text] of unknown) {
    it(`says that there is no ${JSON.stringify(id)}: ${text}`, () => {
      expect(complaint(() => chooseEnvironment(read(...lines), id))).to.deep.equal([`e.toml: ${text}`]);
    });
  }

  it('lists no more than ten', () => {
    const lines = Array.from({ length: 12 }, (_, index) => [
      '[[environments]]',
      `id = "host-${index}"`,
      'program = "x"',
    ]);
    const [line = ''] = complaint(() => chooseEnvironment(read(...lines.flat()), 'devbox'));
    expect(line).to.match(/known: `local`, `host-0`.*`host-8`, …$/);
  });
});
