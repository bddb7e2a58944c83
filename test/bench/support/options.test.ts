import { expect } from 'chai';
import { codexServers } from '../../../bench/support/codex.ts';
import { parseOptions } from '../../../bench/support/options.ts';
import { questions } from '../../../bench/support/questions.ts';

const parsed = (...args: readonly string[]) => parseOptions(args, questions);

describe('parseOptions', () => {
  it('runs all questions and writes to the results directory by default', () => {
    expect(parsed()).to.deep.equal({
      only: questions,
      rounds: undefined,
      peers: [],
      starts: 10000,
      quick: false,
      json: false,
      out: 'bench/results',
      page: false,
    });
  });

  it('writes no results of a quick run, so that it replaces no complete one', () => {
    expect(parsed('--quick').out).to.equal(undefined);
    expect(parsed('--quick', '--out', 'here').out).to.equal('here');
  });

  it('splits the command line of a peer at spaces', () => {
    expect(
      parsed('--peer', 'one=ndjson:one exec-server  --listen stdio', '--peer', 'two=lsp:two').peers,
    ).to.deep.equal([
      { name: 'one', role: 'peer', framing: 'ndjson', argv: ['one', 'exec-server', '--listen', 'stdio'] },
      { name: 'two', role: 'peer', framing: 'lsp', argv: ['two'] },
    ]);
  });

  it('adds the server of Codex in both modes', () => {
    const { peers } = parseOptions(['--codex', '--peer', 'a=lsp:b'], questions, () =>
      codexServers('/opt/codex'),
    );
    const argv = ['/opt/codex', 'exec-server', '--listen', 'stdio'];
    expect(peers).to.deep.equal([
      { name: 'codex', role: 'peer', framing: 'ndjson', argv },
      { name: 'codex-64', role: 'peer', framing: 'ndjson', argv: [...argv, '--concurrent-requests', '64'] },
      { name: 'a', role: 'peer', framing: 'lsp', argv: ['b'] },
    ]);
  });

  const wrong: ReadonlyArray<readonly [readonly string[], RegExp]> = [
    [['--peer', 'codex'], /^--peer: expected NAME=lsp:COMMAND or NAME=ndjson:COMMAND, got "codex"$/],
    [['--peer', 'a=http:b'], /^--peer: expected .*got "a=http:b"$/],
    [['--peer', 'a=lsp: '], /^--peer: expected .*got "a=lsp: "$/],
    [['--peer', 'a=lsp:b', '--peer', 'a=lsp:c'], /^--peer: expected names that differ, got a twice$/],
    [['--peer', 'floor=lsp:b'], /^--peer: expected names that differ, got floor twice$/],
    [['--rounds', '0'], /^--rounds: expected a number from 1 to 9999999, got "0"$/],
    [['--starts', 'many'], /^--starts: expected a number from 1 to 9999999, got "many"$/],
    [['--only', 'start-up,nothing'], /^--only: expected start-up, .*; got nothing$/],
    [['--page', '--quick', '--out', 'x'], /^--page: expected a full run, got --quick$/],
    [['--faster'], /--faster/],
    [['start-up'], /start-up/],
  ];
  for (const [args, message] of wrong) {
    it(`refuses ${args.join(' ')}`, () => {
      expect(() => parsed(...args)).to.throw(RangeError, message);
    });
  }
});
