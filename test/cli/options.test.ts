import { expect } from 'chai';
import { Command, type CommanderError } from 'commander';
import {
  addPlaceOptions,
  environmentOf,
  forTerminal,
  type PlaceOptions,
  targetOf,
} from '../../src/cli/options.ts';
import { REMOTE_COMMAND, sshServer } from '../../src/core/index.ts';
import { useCodexHome } from './support.ts';

/** A command that throws instead of ending the process, after it has read the given arguments. */
const parsed = (...args: string[]) => {
  const command = addPlaceOptions(new Command('run'))
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .parse(args, { from: 'user' });
  return { command, options: command.opts<PlaceOptions>() };
};

/** Does something with these variables in the environment of this process. */
const withEnv = <Result>(variables: Record<string, string>, act: () => Result): Result => {
  Object.assign(process.env, variables);
  try {
    return act();
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name];
  }
};

const targetFor = (...args: string[]) => {
  const { command, options } = parsed(...args);
  return targetOf(command, options);
};

const environmentFor = (...args: string[]) => {
  const { command, options } = parsed(...args);
  return environmentOf(command, options);
};

const complaint = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return (error as CommanderError).message;
  }
  throw new Error('no complaint');
};

describe('addPlaceOptions', () => {
  it('means this machine and its whole environment unless something is said', () => {
    expect(parsed().options).to.deep.equal({
      env: [],
      envFile: [],
      envFrom: [],
      unset: [],
      exclude: [],
      includeOnly: [],
      set: [],
    });
  });

  it('gathers what may be repeated, in the order of the command line', () => {
    const { options } = parsed(
      '--exclude',
      'A*',
      '--env',
      'X=1',
      '--exclude',
      'B*',
      '--env',
      'Y=2',
      '--unset',
      'Z',
    );
    expect({ exclude: options.exclude, env: options.env, unset: options.unset }).to.deep.equal({
      exclude: ['A*', 'B*'],
      env: [
        ['X', '1'],
        ['Y', '2'],
      ],
      unset: ['Z'],
    });
  });

  it('keeps nothing of one command line for the next', () => {
    parsed('--env', 'A=1', '--exclude', 'X');
    expect(parsed('--env', 'B=2').options).to.deep.include({ env: [['B', '2']], exclude: [] });
  });

  const variables: Array<[text: string, variable: [string, string]]> = [
    ['A=', ['A', '']],
    ['A=1=2', ['A', '1=2']],
    ['A= b ', ['A', ' b ']],
    ['A B=1', ['A B', '1']],
    ['A=1\n2', ['A', '1\n2']],
  ];
  for (const [text, variable] of variables) {
    it(`reads the variable ${JSON.stringify(text)}`, () => {
      expect(parsed('--set', text, '--env', text).options).to.deep.include({
        set: [variable],
        env: [variable],
      });
    });
  }

  for (const text of ['A', '']) {
    it(`refuses the variable ${JSON.stringify(text)}`, () => {
      expect(complaint(() => parsed('--set', text))).to.contain('Expected NAME=VALUE.');
    });
  }

  it('takes the value that a variable has here for --env without =, and nothing where it has none', () => {
    const { options } = withEnv({ PLANTED: 'a=b', EMPTY: '' }, () =>
      parsed('--env', 'PLANTED', '--env', 'EMPTY', '--env', 'NOT_SET_HERE', '--env', 'constructor'),
    );
    expect(options.env).to.deep.equal([
      ['PLANTED', 'a=b'],
      ['EMPTY', ''],
      ['NOT_SET_HERE', undefined],
      ['constructor', undefined],
    ]);
  });

  it('refuses a value from here that is not UTF-8, without repeating it', () => {
    const message = withEnv({ GARBLED: 'secret\ufffd' }, () => complaint(() => parsed('--env', 'GARBLED')));
    expect(message).to.contain(
      "argument 'GARBLED' is invalid. the value that it has here is not valid UTF-8.",
    );
    expect(message).not.to.contain('secret');
  });

  it('refuses two places at once, and inherit with anything else than its choices', () => {
    expect(complaint(() => parsed('--ssh', 'a', '--via', 'b'))).to.contain('cannot be used with');
    expect(complaint(() => parsed('--inherit', 'some'))).to.contain('Allowed choices are all, core, none.');
    expect(complaint(() => parsed('--base', 'bash'))).to.contain(
      'Allowed choices are process, login, loginInteractive.',
    );
  });
});

describe('targetOf', () => {
  it('is a server of the running program unless a place is named', () => {
    expect(targetFor()).to.deep.equal({
      argv: [process.execPath, process.argv[1], '--stdio'],
      location: 'local',
      label: 'this machine',
    });
  });

  it('is a host by ssh', () => {
    expect(targetFor('--ssh', 'devbox')).to.deep.equal(sshServer('devbox', REMOTE_COMMAND));
    expect(targetFor('--ssh', 'devbox', '--remote-command', 'bin/exec-server --stdio')).to.deep.equal(
      sshServer('devbox', 'bin/exec-server --stdio'),
    );
  });

  it('is a host by ssh, and a program there at a path that no shell reads', () => {
    expect(targetFor('--ssh', 'devbox', '--remote-program', '~/my bin/exec-server')).to.deep.equal(
      sshServer('devbox', ['~/my bin/exec-server', '--stdio']),
    );
  });

  it('is a server behind a command of the shell, and is called by it', () => {
    const via = 'docker exec -i "$BOX" exec-server --stdio';
    expect(targetFor('--via', via)).to.deep.equal({
      argv: ['/bin/sh', '-c', via],
      location: 'remote',
      label: via,
    });
  });

  it('takes a command for the host only with a host', () => {
    const message = "error: option '--remote-command <command>' needs '--ssh <host>'";
    expect(complaint(() => targetFor('--remote-command', 'x'))).to.equal(message);
    expect(complaint(() => targetFor('--via', 'y', '--remote-command', 'x'))).to.equal(message);
  });
});

describe('environmentOf', () => {
  it('is the policy of the options, with nothing laid over it', () => {
    expect(environmentFor()).to.deep.equal({
      policy: { inherit: 'all', ignoreDefaultExcludes: false, exclude: [], includeOnly: [], set: {} },
      overlay: {},
    });
    expect(
      environmentFor(
        ...['--inherit', 'core', '--ignore-default-excludes', '--exclude', 'A*', '--include-only', 'B'],
        ...['--include-only', 'C', '--set', 'B=1', '--set', 'C=2'],
      ),
    ).to.deep.equal({
      policy: {
        inherit: 'core',
        ignoreDefaultExcludes: true,
        exclude: ['A*'],
        includeOnly: ['B', 'C'],
        set: { B: '1', C: '2' },
      },
      overlay: {},
    });
  });

  it('says nothing of what no option asks for, and passes on what one does', () => {
    const policyFor = (...args: string[]) => (environmentFor(...args) as { policy: object }).policy;
    const { policy: plain } = environmentFor() as { policy: object };
    for (const base of ['process', 'login', 'loginInteractive']) {
      expect(policyFor('--base', base)).to.deep.equal({ ...plain, base });
    }
    expect(policyFor('--secret-values')).to.deep.equal({ ...plain, secretValues: true });
    expect(policyFor('--keep-locale')).to.deep.equal({ ...plain, keepLocale: true });
  });

  it('refuses a value without a name, and does not repeat it', () => {
    for (const option of ['--env', '--set']) {
      expect(complaint(() => environmentFor(option, '=planted'))).to.equal(
        "error: options '--env' and '--set' take NAME=VALUE, with a name",
      );
    }
  });

  describe('with files of variables', () => {
    const home = useCodexHome();

    it('lays them below --env, in their order, and removes what --unset names', () => {
      const [one, two] = [home.write('one', 'A=1\nB=1\nC=1\nD=1\n'), home.write('two', 'B=2\n')];
      const args = ['--env', 'C=3', '--unset', 'D', '--env', 'NOT_SET_HERE'];
      expect(environmentFor('--env-from', two, '--env-file', one, ...args)).to.deep.include({
        overlay: { A: '1', B: '2', C: '3', D: null },
      });
    });

    it('refuses --unset and --env of one name that has no value here', () => {
      expect(complaint(() => environmentFor('--env', 'NOT_SET_HERE', '--unset', 'NOT_SET_HERE'))).to.equal(
        "error: options '--env' and '--unset' both name NOT_SET_HERE",
      );
    });

    it('names file and line of what is wrong in one, and no value', () => {
      const file = home.write('bad', 'A=1\n=secret\n my secret\nB=\0secret\n');
      expect(complaint(() => environmentFor('--env-file', file))).to.equal(
        [
          `error: ${file}:2:1: expected NAME=VALUE or NAME, received no name`,
          `${file}:3:2: expected NAME=VALUE or NAME, received a name with white space or NUL`,
          `${file}:4:1: the value has a NUL character, which no variable can have`,
        ].join('\n'),
      );
    });
  });

  it('lays --env over it, and removes what --unset names', () => {
    expect(environmentFor('--env', 'A=', '--unset', 'B', '--env', 'C=1')).to.deep.include({
      overlay: { A: '', B: null, C: '1' },
    });
  });

  it('takes the last of two values for one name', () => {
    expect(
      environmentFor('--env', 'A=1', '--env', 'A=2', '--set', 'B=1', '--set', 'B=2'),
    ).to.deep.nested.include({
      overlay: { A: '2' },
      'policy.set': { B: '2' },
    });
  });

  it('has a variable named like a part of every object as its own', () => {
    const { overlay = {} } = environmentFor('--env', '__proto__=x', '--unset', 'constructor') as {
      overlay?: object;
    };
    expect(Object.entries(overlay)).to.deep.equal([
      ['__proto__', 'x'],
      ['constructor', null],
    ]);
  });

  it('refuses to both set and remove a name', () => {
    expect(complaint(() => environmentFor('--env', 'A=1', '--unset', 'B', '--unset', 'A'))).to.equal(
      "error: options '--env' and '--unset' both name A",
    );
  });
});

describe('forTerminal', () => {
  let own: string | undefined;

  before(() => {
    own = process.env.TERM;
    process.env.TERM = 'mine';
  });

  after(() => {
    if (own === undefined) delete process.env.TERM;
    else process.env.TERM = own;
  });

  it('says which terminal ours is', () => {
    expect(forTerminal(environmentFor('--env', 'A=1'), true)).to.deep.equal({
      ...environmentFor(),
      overlay: { TERM: 'mine', A: '1' },
    });
  });

  it('takes a plain one where we are on none', () => {
    delete process.env.TERM;
    const { overlay } = forTerminal({ policy: { inherit: 'all' } }, true) as { overlay?: object };
    process.env.TERM = 'mine';
    expect(overlay).to.deep.equal({ TERM: 'xterm' });
  });

  const asked: Array<[args: string[], overlay: object]> = [
    [['--env', 'TERM=other'], { TERM: 'other' }],
    [['--unset', 'TERM'], { TERM: null }],
    [['--set', 'TERM=other'], {}],
    [['--set', 'TERM='], {}],
  ];
  for (const [args, overlay] of asked) {
    it(`leaves it to ${args.join(' ')}`, () => {
      const environment = environmentFor(...args);
      expect(forTerminal(environment, true)).to.deep.equal({ ...environment, overlay });
    });
  }

  it('changes nothing without a terminal, nor an exact environment', () => {
    const environment = environmentFor();
    const exact = { exact: { A: '1' } };
    const unchanged = [
      forTerminal(environment, undefined),
      forTerminal(environment, false),
      forTerminal(exact, true),
    ];
    expect(unchanged).to.deep.equal([environmentFor(), environmentFor(), { exact: { A: '1' } }]);
  });
});

describe('an environment that is named', () => {
  const home = useCodexHome();
  const DEVBOX = '[[environments]]\nid = "devbox"\nprogram = "ssh"\nargs = ["devbox"]';

  it('is where environments.toml says', () => {
    home.write('environments.toml', DEVBOX);
    expect(targetFor('--environment', 'devbox')).to.deep.include({
      argv: ['ssh', 'devbox'],
      label: 'devbox',
    });
  });

  it('is in another file, if one is named', () => {
    const file = home.write('mine.toml', DEVBOX.replaceAll('devbox', 'other'));
    expect(targetFor('--environment', 'other', '--environments-file', file)).to.deep.include({
      label: 'other',
    });
  });

  it('is this machine by the id local', () => {
    expect(targetFor('--environment', 'local')).to.deep.equal(targetFor());
  });

  it('is not taken from the default of the file', () => {
    home.write('environments.toml', `default = "devbox"\n${DEVBOX}`);
    expect(targetFor()).to.include({ label: 'this machine' });
  });

  it('stands in place of another server', () => {
    for (const args of [
      ['--ssh', 'a'],
      ['--via', 'b'],
    ]) {
      expect(complaint(() => targetFor('--environment', 'a', ...args))).to.contain('cannot be used with');
    }
    expect(complaint(() => targetFor('--environments-file', 'a'))).to.equal(
      "error: option '--environments-file <file>' needs '--environment <id>'",
    );
  });

  it('is refused with all that is wrong in the file', () => {
    const file = home.write('environments.toml', 'a = 1\nb = 2');
    expect(complaint(() => targetFor('--environment', 'local'))).to.equal(
      `error: ${file}:1:1: unknown key \`a\`\n${file}:2:1: unknown key \`b\``,
    );
  });
});

describe('a policy of a file', () => {
  const home = useCodexHome();
  const POLICY = [
    '[shell_environment_policy]',
    'base = "login"',
    'inherit = "core"',
    'ignore_default_excludes = true',
    'exclude = ["A*"]',
    'secret_values = true',
    'set = { B = "file", C = "file" }',
    'include_only = ["P*"]',
    'keep_locale = true',
  ].join('\n');
  const FROM_FILE = {
    base: 'login',
    inherit: 'core',
    ignoreDefaultExcludes: true,
    exclude: ['A*'],
    secretValues: true,
    set: { B: 'file', C: 'file' },
    includeOnly: ['P*'],
    keepLocale: true,
  };
  const NONE = { inherit: 'all', ignoreDefaultExcludes: false, exclude: [], includeOnly: [], set: {} };
  const policyFor = (...args: string[]) => (environmentFor(...args) as { policy?: object }).policy;

  it('is taken from the file that is named, wherever the process runs', () => {
    const file = home.write('mine.toml', POLICY);
    for (const place of [[], ['--ssh', 'a'], ['--via', 'a'], ['--environment', 'a']]) {
      expect(policyFor('--config', file, ...place)).to.deep.equal(FROM_FILE);
    }
  });

  it('is taken from config.toml with an environment, unless that is refused', () => {
    home.write('config.toml', POLICY);
    expect(policyFor('--environment', 'a')).to.deep.equal(FROM_FILE);
    expect(policyFor('--environment', 'a', '--no-config')).to.deep.equal(NONE);
  });

  it('is not taken from config.toml without an environment', () => {
    home.write('config.toml', POLICY);
    expect([policyFor(), policyFor('--ssh', 'a'), policyFor('--via', 'a')]).to.deep.equal([NONE, NONE, NONE]);
  });

  it('need not be there', () => {
    expect(policyFor('--environment', 'a')).to.deep.equal(NONE);
    home.write('config.toml', 'model = "x"');
    expect(policyFor('--environment', 'a')).to.deep.equal(NONE);
  });

  it('lets secrets pass only if it says so', () => {
    home.write('config.toml', '[shell_environment_policy]\ninherit = "core"');
    expect(policyFor('--environment', 'a')).to.deep.equal({ ...NONE, inherit: 'core' });
  });

  const options: Array<[args: string[], policy: object]> = [
    [['--base', 'process'], { base: 'process' }],
    [['--inherit', 'all'], { inherit: 'all' }],
    [['--no-ignore-default-excludes'], { ignoreDefaultExcludes: false }],
    [['--exclude', 'X', '--exclude', 'Y'], { exclude: ['X', 'Y'] }],
    [['--no-secret-values'], { secretValues: false }],
    [['--set', 'C=option', '--set', 'D=option'], { set: { B: 'file', C: 'option', D: 'option' } }],
    [['--include-only', 'X'], { includeOnly: ['X'] }],
    [['--no-keep-locale'], { keepLocale: false }],
  ];
  for (const [args, policy] of options) {
    it(`gives way to ${args.join(' ')}, in that field alone`, () => {
      home.write('config.toml', POLICY);
      expect(policyFor('--environment', 'a', ...args)).to.deep.equal({ ...FROM_FILE, ...policy });
    });
  }

  it('has the overlay of the options on top', () => {
    home.write('config.toml', POLICY);
    expect(environmentFor('--environment', 'a', '--env', 'B=1', '--unset', 'C')).to.deep.include({
      overlay: { B: '1', C: null },
    });
  });

  it('is refused with all that is wrong in it', () => {
    const file = home.write('config.toml', '[shell_environment_policy]\nbase = 1\nset.A = 2');
    expect(complaint(() => environmentFor('--environment', 'a'))).to.equal(
      [
        `error: ${file}:2:1: shell_environment_policy.base: expected one of "process", "login", "loginInteractive", received a number`,
        `${file}:3:5: shell_environment_policy.set.A: expected a string, received a number`,
      ].join('\n'),
    );
  });
});
