import { expect } from 'chai';
import { MAX_PROBLEMS } from '../../src/codex-config/limits.ts';
import { parseShellPolicy } from '../../src/codex-config/shell-policy.ts';
import { EnvPolicy } from '../../src/shared-config/env-policy.ts';
import { MAX_PATTERN_LENGTH, MAX_PATTERNS } from '../../src/shared-config/limits.ts';
import { complaint } from './complaint.ts';

const TABLE = '[shell_environment_policy]';

const read = (...lines: string[]) => parseShellPolicy([TABLE, ...lines].join('\n'), 'c.toml');
const complaints = (...lines: string[]) => complaint(() => read(...lines));

describe('parseShellPolicy', () => {
  it('finds none in a file that has none', () => {
    expect(parseShellPolicy('', 'c.toml')).to.equal(undefined);
    expect(parseShellPolicy('[profiles.x.shell_environment_policy]\ninherit = 1', 'c.toml')).to.equal(
      undefined,
    );
  });

  it('leaves the rest of the file to Codex', () => {
    const text = `model = "x"\n[mcp_servers.a]\ncommand = 1\n${TABLE}\ninherit = "none"\n[unknown]`;
    expect(parseShellPolicy(text, 'c.toml')).to.deep.equal({
      inherit: 'none',
      ignoreDefaultExcludes: true,
    });
  });

  it('reads the keys of Codex', () => {
    expect(
      read(
        'inherit = "core"',
        'ignore_default_excludes = false',
        'exclude = ["AWS_*", "AZURE_*"]',
        'set = { CI = "1", "a.b" = "" }',
        'include_only = ["PATH", "HOME"]',
      ),
    ).to.deep.equal({
      inherit: 'core',
      ignoreDefaultExcludes: false,
      exclude: ['AWS_*', 'AZURE_*'],
      set: { CI: '1', 'a.b': '' },
      includeOnly: ['PATH', 'HOME'],
    });
  });

  it('reads ours', () => {
    expect(read('base = "loginInteractive"', 'secret_values = true', 'keep_locale = false')).to.deep.equal({
      base: 'loginInteractive',
      secretValues: true,
      keepLocale: false,
      ignoreDefaultExcludes: true,
    });
  });

  it('knows a key for each field of a policy', () => {
    const keys = Object.keys(EnvPolicy.shape).map(field => field.replace(/[A-Z]/g, '_$&').toLowerCase());
    const complaint = complaints(...keys.map(key => `${key} = 1979-05-27`));
    expect(complaint.map(line => line.replace(/^.*?_policy\.(\w+):.*/, '$1'))).to.deep.equal(keys);
    expect(keys).to.include.members(['base', 'ignore_default_excludes']);
  });

  it('keeps names that look like secrets unless the table says otherwise, as Codex does', () => {
    expect(read()).to.deep.equal({ ignoreDefaultExcludes: true });
    for (const value of [true, false]) {
      expect(read(`ignore_default_excludes = ${value}`)).to.deep.equal({ ignoreDefaultExcludes: value });
    }
  });

  describe('an unknown key', () => {
    const text = [
      TABLE,
      'exclud = ["A"]',
      'inherit = "core"',
      'x = "planted"',
      'ignoreDefaultExcludes = true',
    ];
    const lines = [
      'c.toml:2:1: shell_environment_policy: unknown key `exclud`, did you mean `exclude`?',
      'c.toml:4:1: shell_environment_policy: unknown key `x`',
      'c.toml:5:1: shell_environment_policy: unknown key `ignoreDefaultExcludes`, did you mean `ignore_default_excludes`?',
    ];

    it('has no effect, and is a warning', () => {
      const warnings: string[] = [];
      const policy = parseShellPolicy(text.join('\n'), 'c.toml', {
        onWarning: message => warnings.push(message),
      });
      expect({ policy, warnings }).to.deep.equal({
        policy: { inherit: 'core', ignoreDefaultExcludes: true },
        warnings: lines,
      });
      expect(parseShellPolicy(text.join('\n'), 'c.toml')).to.deep.equal(policy);
    });

    it('is an error on request', () => {
      expect(complaint(() => parseShellPolicy(text.join('\n'), 'c.toml', { strict: true }))).to.deep.equal(
        lines,
      );
    });

    it('is no warning next to an error', () => {
      const warnings: string[] = [];
      const onWarning = (message: string) => warnings.push(message);
      const wrong = [...text, 'exclude = 1'].join('\n');
      expect(complaint(() => parseShellPolicy(wrong, 'c.toml', { onWarning }))).to.have.lengthOf(1);
      expect(warnings).to.deep.equal([]);
    });

    it('is counted, not listed, above the limit', () => {
      const warnings: string[] = [];
      const many = Array.from({ length: MAX_PROBLEMS + 2 }, (_, index) => `x${index} = 1`);
      parseShellPolicy([TABLE, ...many].join('\n'), 'c.toml', { onWarning: line => warnings.push(line) });
      expect([warnings.length, warnings.at(-1)]).to.deep.equal([MAX_PROBLEMS + 1, 'c.toml: and 2 more']);
    });
  });

  it('reads filters in place of the two lists', () => {
    expect(
      read(
        '[shell_environment_policy.filters]',
        '"AWS_*" = "exclude"',
        'PATH = "include"',
        'HOME = "include"',
      ),
    ).to.deep.include({ exclude: ['AWS_*'], includeOnly: ['PATH', 'HOME'] });
    expect(read('filters = {}')).to.deep.include({ exclude: [], includeOnly: [] });
  });

  it('reads a filter named __proto__ as one', () => {
    expect(read('filters = { __proto__ = "exclude" }')).to.deep.include({
      exclude: ['__proto__'],
      includeOnly: [],
    });
    expect(complaints('filters = { __proto__ = 1 }')).to.deep.equal([
      'c.toml:2:13: shell_environment_policy.filters.__proto__: expected "include" or "exclude", received a number',
    ]);
  });

  const profiles: Array<[lines: string[], policy: EnvPolicy]> = [
    [['experimental_use_profile = true'], { base: 'login' }],
    [['experimental_use_profile = false'], {}],
    [['experimental_use_profile = true', 'base = "process"'], { base: 'process' }],
    [['experimental_use_profile = false', 'base = "loginInteractive"'], { base: 'loginInteractive' }],
  ];
  for (const [lines, policy] of profiles) {
    it(`takes ${lines.join(' and ')} for ${JSON.stringify(policy)}`, () => {
      expect(read(...lines)).to.deep.equal({ ...policy, ignoreDefaultExcludes: true });
    });
  }

  const wrong: Array<[title: string, lines: string[], complaints: string[]]> = [
    [
      'another choice',
      ['inherit = "Core"'],
      [
        '2:1: shell_environment_policy.inherit: expected one of "all", "core", "none", received another string',
      ],
    ],
    [
      'a choice of another type',
      ['base = true'],
      [
        '2:1: shell_environment_policy.base: expected one of "process", "login", "loginInteractive", received a boolean',
      ],
    ],
    [
      'other types',
      [
        'ignore_default_excludes = "true"',
        'exclude = "AWS_*"',
        'include_only = [1]',
        'set = ["A=planted"]',
        'experimental_use_profile = 1',
        'filters = 1',
      ],
      [
        '2:1: shell_environment_policy.ignore_default_excludes: expected true or false, received a string',
        '3:1: shell_environment_policy.exclude: expected an array of strings, received a string',
        '4:17: shell_environment_policy.include_only[0]: expected a string, received a number',
        '5:1: shell_environment_policy.set: expected a table of strings, received an array',
        '6:1: shell_environment_policy.experimental_use_profile: expected true or false, received a number',
        '7:1: shell_environment_policy.filters: expected a table of "include" and "exclude", received a number',
      ],
    ],
    [
      'a value of a variable that is no text',
      ['[shell_environment_policy.set]', 'A = 1'],
      ['3:1: shell_environment_policy.set.A: expected a string, received a number'],
    ],
    [
      'a name of a variable that no environment can hold',
      ['set = { "A=planted" = "" }'],
      ['2:1: shell_environment_policy.set.A: a variable name may not contain "="'],
    ],
    [
      'filters next to the lists',
      ['include_only = []', 'filters = {}'],
      ['3:1: shell_environment_policy.filters: cannot be combined with `exclude` and `include_only`'],
    ],
    [
      'another kind of filter',
      ['filters = { A = "excluded" }'],
      ['2:13: shell_environment_policy.filters.A: expected "include" or "exclude", received another string'],
    ],
    [
      'one filter in two spellings',
      ['filters = { ab = "include", Ab = "exclude" }'],
      ['2:29: shell_environment_policy.filters.Ab: duplicate pattern (differs only in case)'],
    ],
  ];
  for (const [title, lines, expected] of wrong) {
    it(`refuses ${title}`, () => {
      expect(complaints(...lines)).to.deep.equal(expected.map(line => `c.toml:${line}`));
    });
  }

  it('refuses anything but a table', () => {
    for (const [text, came] of [
      ['shell_environment_policy = "core"', 'a string'],
      ['[[shell_environment_policy]]', 'an array'],
    ] as const) {
      expect(complaint(() => parseShellPolicy(text, 'c.toml'))).to.deep.equal([
        `c.toml:1:1: shell_environment_policy: expected a table, received ${came}`,
      ]);
    }
  });

  it('has the limits of a policy', () => {
    const list = (key: string, patterns: string[]) => [`${key} = ${JSON.stringify(patterns)}`];
    const table = (patterns: string[]) => [
      '[shell_environment_policy.filters]',
      ...patterns.map(pattern => `"${pattern}" = "exclude"`),
    ];
    const many = Array.from({ length: MAX_PATTERNS + 1 }, (_, index) => `P${index}`);
    const [longest, longer] = [MAX_PATTERN_LENGTH, MAX_PATTERN_LENGTH + 1].map(length => [
      'x'.repeat(length),
    ]) as [string[], string[]];
    for (const within of [many.slice(1), longest]) {
      expect(read(...list('exclude', within))?.exclude).to.deep.equal(within);
      expect(read(...table(within))?.exclude).to.deep.equal(within);
    }
    expect(complaints(...list('exclude', many)).join()).to.contain(
      `expected at most ${MAX_PATTERNS} entries, received an array of ${MAX_PATTERNS + 1}`,
    );
    expect(complaints(...table(many)).join()).to.contain(`expected at most ${MAX_PATTERNS} patterns`);
    expect(complaints(...list('include_only', longer)).join()).to.contain(
      `include_only[0]: expected at most ${MAX_PATTERN_LENGTH} characters, received a string of ${MAX_PATTERN_LENGTH + 1}`,
    );
    expect(complaints(...table(longer)).join()).to.contain(
      `…": expected a pattern of at most ${MAX_PATTERN_LENGTH} characters`,
    );
  });
});
