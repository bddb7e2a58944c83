import { expect } from 'chai';
import { Command } from 'commander';
import {
  addProcessOptions,
  type ProcessOptions,
  processEnv,
  withTerm,
} from '../../src/cli/process-options.ts';
import { errorOf, useCodexHome } from './support.ts';

/** Command that has parsed these arguments, and throws instead of ending the process. */
const parsed = (...args: string[]) => {
  const command = addProcessOptions(new Command('run'))
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .parse(args, { from: 'user' });
  return { command, options: command.opts<ProcessOptions>() };
};

/** Calls a function while these variables are set in this process. */
const withEnv = <Result>(variables: Record<string, string>, act: () => Result): Result => {
  Object.assign(process.env, variables);
  try {
    return act();
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name];
  }
};

const envFor = (...args: string[]) => {
  const { command, options } = parsed(...args);
  return processEnv(command, options).env;
};

describe('addProcessOptions', () => {
  it('sets no option by default', () => {
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

  it('collects repeated options in the order of the command line', () => {
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

  it('does not keep values of an earlier command line', () => {
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
    it(`accepts the variable ${JSON.stringify(text)}`, () => {
      expect(parsed('--set', text, '--env', text).options).to.deep.include({
        set: [variable],
        env: [variable],
      });
    });
  }

  for (const text of ['A', '']) {
    it(`refuses the variable ${JSON.stringify(text)}`, () => {
      expect(errorOf(() => parsed('--set', text))).to.contain('Expected NAME=VALUE.');
    });
  }

  it("uses the caller's value for --env without =, if it is set", () => {
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

  it("refuses a caller's value that is not UTF-8, without quoting it", () => {
    const message = withEnv({ GARBLED: 'secret\ufffd' }, () => errorOf(() => parsed('--env', 'GARBLED')));
    expect(message).to.contain("argument 'GARBLED' is invalid. The local value is not valid UTF-8.");
    expect(message).not.to.contain('secret');
  });

  it('refuses unknown values of --inherit and --base', () => {
    expect(errorOf(() => parsed('--inherit', 'some'))).to.contain('Allowed choices are all, core, none.');
    expect(errorOf(() => parsed('--base', 'bash'))).to.contain(
      'Allowed choices are process, login, loginInteractive.',
    );
  });
});

describe('processEnv', () => {
  it('has the policy of the options and an empty overlay', () => {
    expect(envFor()).to.deep.equal({
      policy: { inherit: 'all', ignoreDefaultExcludes: false, exclude: [], includeOnly: [], set: {} },
      overlay: {},
    });
    expect(
      envFor(
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

  it('omits fields that no option sets', () => {
    const policyFor = (...args: string[]) => (envFor(...args) as { policy: object }).policy;
    const { policy: plain } = envFor() as { policy: object };
    for (const base of ['process', 'login', 'loginInteractive']) {
      expect(policyFor('--base', base)).to.deep.equal({ ...plain, base });
    }
    expect(policyFor('--secret-values')).to.deep.equal({ ...plain, secretValues: true });
    expect(policyFor('--keep-locale')).to.deep.equal({ ...plain, keepLocale: true });
  });

  it('refuses a value without a name, and does not quote it', () => {
    for (const option of ['--env', '--set']) {
      expect(errorOf(() => envFor(option, '=planted'))).to.equal(
        "error: options '--env' and '--set' expect NAME=VALUE, received no name",
      );
    }
  });

  describe('with files of variables', () => {
    const home = useCodexHome();

    it('applies them in order before --env, and removes the names of --unset', () => {
      const [one, two] = [home.write('one', 'A=1\nB=1\nC=1\nD=1\n'), home.write('two', 'B=2\n')];
      const args = ['--env', 'C=3', '--unset', 'D', '--env', 'NOT_SET_HERE'];
      expect(envFor('--env-from', two, '--env-file', one, ...args)).to.deep.include({
        overlay: { A: '1', B: '2', C: '3', D: null },
      });
    });

    it('refuses --unset and --env of one name that the caller has not set', () => {
      expect(errorOf(() => envFor('--env', 'NOT_SET_HERE', '--unset', 'NOT_SET_HERE'))).to.equal(
        "error: options '--env' and '--unset' both name NOT_SET_HERE",
      );
    });

    it('names file and line of an error, and no value', () => {
      const file = home.write('bad', 'A=1\n=secret\n my secret\nB=\0secret\n');
      expect(errorOf(() => envFor('--env-file', file))).to.equal(
        [
          `error: ${file}:2:1: expected NAME=VALUE or NAME, received no name`,
          `${file}:3:2: expected NAME=VALUE or NAME, received a name with white space or NUL`,
          `${file}:4:1: the value contains NUL, which a variable cannot contain`,
        ].join('\n'),
      );
    });
  });

  it('puts --env and --unset into the overlay', () => {
    expect(envFor('--env', 'A=', '--unset', 'B', '--env', 'C=1')).to.deep.include({
      overlay: { A: '', B: null, C: '1' },
    });
  });

  it('uses the last of two values of one name', () => {
    expect(envFor('--env', 'A=1', '--env', 'A=2', '--set', 'B=1', '--set', 'B=2')).to.deep.nested.include({
      overlay: { A: '2' },
      'policy.set': { B: '2' },
    });
  });

  it('accepts names of members of Object.prototype', () => {
    const { overlay = {} } = envFor('--env', '__proto__=x', '--unset', 'constructor') as {
      overlay?: object;
    };
    expect(Object.entries(overlay)).to.deep.equal([
      ['__proto__', 'x'],
      ['constructor', null],
    ]);
  });

  it('refuses to set and remove the same name', () => {
    expect(errorOf(() => envFor('--env', 'A=1', '--unset', 'B', '--unset', 'A'))).to.equal(
      "error: options '--env' and '--unset' both name A",
    );
  });
});

describe('withTerm', () => {
  let own: string | undefined;

  before(() => {
    own = process.env.TERM;
    process.env.TERM = 'mine';
  });

  after(() => {
    if (own === undefined) delete process.env.TERM;
    else process.env.TERM = own;
  });

  it('adds TERM of this program', () => {
    expect(withTerm(envFor('--env', 'A=1'), true)).to.deep.equal({
      ...envFor(),
      overlay: { TERM: 'mine', A: '1' },
    });
  });

  it('uses xterm if TERM is not set', () => {
    delete process.env.TERM;
    const { overlay } = withTerm({ policy: { inherit: 'all' } }, true) as { overlay?: object };
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
    it(`does not override ${args.join(' ')}`, () => {
      const env = envFor(...args);
      expect(withTerm(env, true)).to.deep.equal({ ...env, overlay });
    });
  }

  it('changes nothing without a terminal, and no exact env', () => {
    const env = envFor();
    const exact = { exact: { A: '1' } };
    const unchanged = [withTerm(env, undefined), withTerm(env, false), withTerm(exact, true)];
    expect(unchanged).to.deep.equal([envFor(), envFor(), { exact: { A: '1' } }]);
  });
});

describe('the policy of a file', () => {
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
  const policyFor = (...args: string[]) => (envFor(...args) as { policy?: object }).policy;

  it('is read from the file of --config, for every server', () => {
    const file = home.write('mine.toml', POLICY);
    for (const server of [[], ['--ssh', 'a'], ['--via', 'a'], ['--environment', 'a']]) {
      expect(policyFor('--config', file, ...server)).to.deep.equal(FROM_FILE);
    }
  });

  it('is read from config.toml with --environment, unless --no-config is set', () => {
    home.write('config.toml', POLICY);
    expect(policyFor('--environment', 'a')).to.deep.equal(FROM_FILE);
    expect(policyFor('--environment', 'a', '--no-config')).to.deep.equal(NONE);
  });

  it('is not read from config.toml without --environment', () => {
    home.write('config.toml', POLICY);
    expect([policyFor(), policyFor('--ssh', 'a'), policyFor('--via', 'a')]).to.deep.equal([NONE, NONE, NONE]);
  });

  it('can be missing', () => {
    expect(policyFor('--environment', 'a')).to.deep.equal(NONE);
    home.write('config.toml', 'model = "x"');
    expect(policyFor('--environment', 'a')).to.deep.equal(NONE);
  });

  it('keeps names that look like secrets by default, unlike a policy without a file', () => {
    home.write('config.toml', '[shell_environment_policy]\ninherit = "core"');
    expect(policyFor('--environment', 'a')).to.deep.equal({
      ...NONE,
      inherit: 'core',
      ignoreDefaultExcludes: true,
    });
  });

  it('is returned with its file, without what options override', () => {
    const file = home.write('mine.toml', POLICY);
    const filePolicyFor = (...args: string[]) => {
      const { command, options } = parsed('--config', file, ...args);
      return processEnv(command, options).filePolicy;
    };
    expect(filePolicyFor()).to.deep.equal({ file, fields: FROM_FILE });
    const { inherit: _, exclude: __, ...others } = FROM_FILE;
    expect(filePolicyFor('--inherit', 'all', '--exclude', 'X', '--set', 'C=option')).to.deep.equal({
      file,
      fields: { ...others, set: { B: 'file' } },
    });
    expect(processEnv(parsed().command, parsed().options).filePolicy).to.equal(undefined);
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
    it(`is overridden by ${args.join(' ')}, in that field only`, () => {
      home.write('config.toml', POLICY);
      expect(policyFor('--environment', 'a', ...args)).to.deep.equal({ ...FROM_FILE, ...policy });
    });
  }

  it('does not replace the overlay of the options', () => {
    home.write('config.toml', POLICY);
    expect(envFor('--environment', 'a', '--env', 'B=1', '--unset', 'C')).to.deep.include({
      overlay: { B: '1', C: null },
    });
  });

  it('is refused with all its errors', () => {
    const file = home.write('config.toml', '[shell_environment_policy]\nbase = 1\nset.A = 2');
    expect(errorOf(() => envFor('--environment', 'a'))).to.equal(
      [
        `error: ${file}:2:1: shell_environment_policy.base: expected one of "process", "login", "loginInteractive", received a number`,
        `${file}:3:5: shell_environment_policy.set.A: expected a string, received a number`,
      ].join('\n'),
    );
  });
});
