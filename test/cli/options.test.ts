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

/** A command that throws instead of ending the process, after it has read the given arguments. */
const parsed = (...args: string[]) => {
  const command = addPlaceOptions(new Command('run'))
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .parse(args, { from: 'user' });
  return { command, options: command.opts<PlaceOptions>() };
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
      unset: [],
      inherit: 'all',
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

  for (const text of ['A', '=1', '']) {
    it(`refuses the variable ${JSON.stringify(text)}`, () => {
      expect(complaint(() => parsed('--set', text))).to.contain('Expected NAME=VALUE.');
    });
  }

  it('refuses two places at once, and inherit with anything else than its choices', () => {
    expect(complaint(() => parsed('--ssh', 'a', '--via', 'b'))).to.contain('cannot be used with');
    expect(complaint(() => parsed('--inherit', 'some'))).to.contain('Allowed choices are all, core, none.');
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
