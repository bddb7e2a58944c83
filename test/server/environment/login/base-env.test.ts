import { expect } from 'chai';
import type { AskShell, ShellOutcome } from '../../../../src/server/environment/login/ask-shell.ts';
import { type BaseEnv, BaseEnvs, describeBase } from '../../../../src/server/environment/login/base-env.ts';

const OWN = { FROM: 'the server' };
const env = (from: string) => ({ env: { FROM: from } });

/** A shell whose runs the test ends. */
class FakeShell {
  readonly runs: Array<{
    readonly interactive: boolean;
    readonly signal: AbortSignal;
    answer(outcome: ShellOutcome): Promise<void>;
    leave(): void;
  }> = [];

  readonly ask: AskShell = (base, signal) => {
    const interactive = base === 'loginInteractive';
    let answer: (outcome: ShellOutcome) => void = () => {};
    let leave: () => void = () => {};
    const outcome = new Promise<ShellOutcome>(resolve => {
      answer = resolve;
    });
    const gone = new Promise<void>(resolve => {
      leave = resolve;
    });
    const answered = async (known: ShellOutcome) => {
      answer(known);
      await turn();
    };
    this.runs.push({ interactive, signal, answer: answered, leave: () => leave() });
    return { outcome, gone };
  };
}

/** A shell that answers immediately. */
const answering =
  (outcomes: { readonly login?: ShellOutcome; readonly loginInteractive?: ShellOutcome }): AskShell =>
  base => ({
    outcome: Promise.resolve(outcomes[base] ?? { reason: 'not expected' }),
    gone: Promise.resolve(),
  });

const turn = () => new Promise<void>(resolve => setImmediate(resolve));

/** Without the times, which differ. */
const told = ({ attempts, ...base }: BaseEnv) => ({
  ...base,
  attempts: attempts.map(({ durationMs, ...attempt }) => {
    expect(durationMs).to.satisfy((ms: number) => Number.isInteger(ms) && ms >= 0);
    return attempt;
  }),
});

describe('BaseEnvs', () => {
  describe('get', () => {
    const no = { reason: 'no answer within 5 ms' };
    const failed = (base: string) => ({ base, outcome: 'failed', ...no });
    const taken = (base: string) => ({ base, outcome: 'resolved' });
    const cases: Array<
      [what: string, asked: 'process' | 'login' | 'loginInteractive', shell: AskShell, expected: object]
    > = [
      ['not at all for process', 'process', answering({}), { env: OWN, base: 'process', attempts: [] }],
      [
        'not where login answers',
        'login',
        answering({ login: env('login') }),
        { ...env('login'), base: 'login', attempts: [taken('login')] },
      ],
      [
        'not where loginInteractive answers',
        'loginInteractive',
        answering({ loginInteractive: env('interactive') }),
        { ...env('interactive'), base: 'loginInteractive', attempts: [taken('loginInteractive')] },
      ],
      [
        'from loginInteractive to login',
        'loginInteractive',
        answering({ loginInteractive: no, login: env('login') }),
        { ...env('login'), base: 'login', attempts: [failed('loginInteractive'), taken('login')] },
      ],
      [
        'from loginInteractive to process',
        'loginInteractive',
        answering({ loginInteractive: no, login: no }),
        { env: OWN, base: 'process', attempts: [failed('loginInteractive'), failed('login')] },
      ],
      [
        'from login to process, and never up',
        'login',
        answering({ login: no, loginInteractive: env('interactive') }),
        { env: OWN, base: 'process', attempts: [failed('login')] },
      ],
    ];
    for (const [what, asked, shell, expected] of cases) {
      it(what, async () => {
        expect(told(await new BaseEnvs(OWN, shell).get(asked))).to.deep.equal(expected);
      });
    }
  });

  it('runs no shell before the first call', () => {
    const shell = new FakeShell();
    const bases = new BaseEnvs(OWN, shell.ask);
    bases.refresh();
    expect(shell.runs).to.deep.equal([]);
  });

  it('runs one shell for concurrent calls, and none for later ones', async () => {
    const shell = new FakeShell();
    const bases = new BaseEnvs(OWN, shell.ask);
    const asked = [bases.get('login'), bases.get('login')];
    await turn();
    asked.push(bases.get('login'));
    await shell.runs[0]?.answer(env('login'));
    asked.push(bases.get('login'));
    const answers = await Promise.all(asked);
    expect(answers.map(({ env }) => env)).to.deep.equal(Array(4).fill({ FROM: 'login' }));
    expect(shell.runs.map(({ interactive }) => interactive)).to.deep.equal([false]);
  });

  it('runs one shell per base, concurrently', async () => {
    const shell = new FakeShell();
    const bases = new BaseEnvs(OWN, shell.ask);
    const asked = [bases.get('loginInteractive'), bases.get('login')];
    await turn();
    expect(shell.runs.map(({ interactive }) => interactive)).to.deep.equal([true, false]);
    await shell.runs[1]?.answer(env('login'));
    // An environment that was just resolved for another call serves as the fallback, too.
    await shell.runs[0]?.answer({ reason: 'no' });
    expect((await Promise.all(asked)).map(({ base }) => base)).to.deep.equal(['login', 'login']);
    expect(shell.runs).to.have.lengthOf(2);
  });

  it('runs the shell again after a transient failure, such as a lack of descriptors', async () => {
    const shell = new FakeShell();
    const bases = new BaseEnvs(OWN, shell.ask);
    const first = bases.get('login');
    await turn();
    await shell.runs[0]?.answer({ reason: 'EMFILE', transient: true });
    expect(told(await first).attempts).to.deep.equal([
      { base: 'login', outcome: 'failed', reason: 'EMFILE' },
    ]);
    const again = bases.get('login');
    await turn();
    await shell.runs[1]?.answer(env('login'));
    expect((await again).base).to.equal('login');
  });

  it('does not repeat a failed attempt before a refresh', async () => {
    const shell = new FakeShell();
    const bases = new BaseEnvs(OWN, shell.ask);
    const first = bases.get('login');
    await turn();
    await shell.runs[0]?.answer({ reason: 'no' });
    expect([await bases.get('login'), await first].map(({ base }) => base)).to.deep.equal([
      'process',
      'process',
    ]);
    expect(shell.runs).to.have.lengthOf(1);
    bases.refresh();
    const again = bases.get('login');
    await turn();
    await shell.runs[1]?.answer(env('login'));
    expect((await again).base).to.equal('login');
  });

  it('answers waiting calls with the current run, and calls after a refresh with a newer one', async () => {
    const shell = new FakeShell();
    const bases = new BaseEnvs(OWN, shell.ask);
    const before = bases.get('login');
    await turn();
    bases.refresh();
    const after = bases.get('login');
    await turn();
    // However many refreshes there are, only one shell runs at a time.
    expect(shell.runs).to.have.lengthOf(1);
    bases.refresh();
    bases.refresh();
    const later = bases.get('login');
    await shell.runs[0]?.answer(env('old'));
    await shell.runs[1]?.answer(env('new'));
    const answers = await Promise.all([before, after, later]);
    expect(answers.map(({ env }) => env.FROM)).to.deep.equal(['old', 'new', 'new']);
    expect(shell.runs).to.have.lengthOf(2);
  });

  it('resolves stop when no process of a shell is left', async () => {
    const shell = new FakeShell();
    const bases = new BaseEnvs(OWN, shell.ask);
    const answered = bases.get('login');
    const waiting = bases.get('loginInteractive');
    await turn();
    await shell.runs[0]?.answer(env('login'));
    expect((await answered).base).to.equal('login');
    let stopped = false;
    const stop = bases.stop().then(() => {
      stopped = true;
    });
    expect(shell.runs.map(({ signal }) => signal.aborted)).to.deep.equal([true, true]);
    await shell.runs[1]?.answer({ reason: 'the connection has ended' });
    expect((await waiting).attempts[0]?.outcome).to.equal('failed');
    shell.runs[0]?.leave();
    await turn();
    expect(stopped).to.equal(false);
    shell.runs[1]?.leave();
    await stop;
  });
});

describe('describeBase', () => {
  it('returns everything except the environment', () => {
    const attempts = [{ base: 'login', outcome: 'failed', reason: 'no', durationMs: 5 }] as const;
    expect(describeBase({ env: OWN, base: 'process', attempts })).to.deep.equal({
      base: 'process',
      attempts,
    });
  });
});
