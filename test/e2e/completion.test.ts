import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  connect,
  type ExecClient,
  localServer,
  type OutputChunk,
  type RemoteProcess,
} from '../../src/core/index.ts';
import { skipUnavailable } from '../support/skip-unavailable.ts';
import { runCli } from './support/cli.ts';
import { programPath } from './support/program.ts';

/** A shell with the completion of exec-server, that prompts with `READY>`. */
type Shell = { readonly name: string; readonly argv: [string, ...string[]]; readonly setUp: string };

const SHELLS: readonly Shell[] = [
  {
    name: 'bash',
    argv: ['/bin/bash', '--norc', '-i'],
    setUp: 'bind "set bell-style none"; eval "$(exec-server completion bash)"; PS1="READY"">"\n',
  },
  {
    name: 'zsh',
    argv: ['/usr/bin/zsh', '-f', '-i'],
    setUp:
      'autoload -Uz compinit && compinit -D; unsetopt beep; eval "$(exec-server completion zsh)"; PS1="READY"">"\n',
  },
  {
    name: 'fish',
    argv: ['/usr/bin/fish', '--no-config', '-i'],
    setUp:
      'function fish_greeting; end; exec-server completion fish | source; function fish_prompt; echo "READY"">"; end\n',
  },
];

/** Prints the candidates for the words of this script; $0 is the line. */
const BASH_COMPLETION = `eval "$(exec-server completion bash)"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE=$0 COMP_POINT=\${#COMP_LINE}
_exec_server exec-server
printf '%s\\n' "\${COMPREPLY[@]}"`;

/** A shell on a terminal. */
class Terminal {
  readonly #shell: RemoteProcess;
  readonly #output: AsyncIterator<OutputChunk>;

  constructor(shell: RemoteProcess) {
    this.#shell = shell;
    this.#output = shell.output[Symbol.asyncIterator]();
  }

  /** Types keys and returns the first text that matches and is shown after them. */
  async type(keys: string, expected: RegExp): Promise<string> {
    await this.#shell.write(keys);
    for (let screen = ''; ; ) {
      const { value, done } = await this.#output.next();
      if (done) throw new Error(`the shell has exited after ${screen}`);
      screen += value.chunk;
      const [match] = expected.exec(screen) ?? [];
      if (match !== undefined) return match;
    }
  }
}

let folder = '';
let env: Record<string, string> = {};

describe('completion in the shells', () => {
  before(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-completion-')));
    const bin = join(folder, 'bin');
    for (const directory of [bin, join(folder, '.ssh'), join(folder, '.codex'), join(folder, 'project')]) {
      mkdirSync(directory);
    }
    writeFileSync(join(folder, '.ssh/config'), 'Include hosts\nHost *.example.com !x\n  User me\n');
    writeFileSync(join(folder, '.ssh/hosts'), 'Host "devbox" builder\n  HostName 10.1.2.3\n');
    writeFileSync(
      join(folder, '.codex/environments.toml'),
      '[[environments]]\nid = "gpu"\nprogram = "ssh"\n',
    );
    writeFileSync(join(folder, 'variables.env'), '');
    writeFileSync(join(bin, 'zzz-tool'), '#!/bin/sh\n');
    // Runs the real program for completions, and otherwise shows its arguments.
    writeFileSync(
      join(bin, 'exec-server'),
      `#!/bin/sh\ncase $1 in\n__complete | completion) exec '${process.execPath}' '${programPath}' "$@" ;;\nesac\n` +
        'printf "ran"\nprintf "<%s>" "$@"\necho .\n',
    );
    for (const name of ['zzz-tool', 'exec-server']) chmodSync(join(bin, name), 0o755);
    env = {
      PATH: `${bin}:/usr/local/bin:/usr/bin:/bin`,
      HOME: folder,
      TERM: 'xterm',
      LANG: 'C.UTF-8',
      ONLY_THIS_VARIABLE: 'planted',
    };
  });

  after(() => rmSync(folder, { recursive: true }));

  const typed: ReadonlyArray<[title: string, keys: string, args: string[]]> = [
    ['a command', 'exec-server envi\t', ['environments']],
    ['an option', 'exec-server run --timeo\t5m ls', ['run', '--timeout', '5m', 'ls']],
    ['a choice', 'exec-server run --base loginI\tls', ['run', '--base', 'loginInteractive', 'ls']],
    ['a choice after =', 'exec-server run --inherit=no\tls', ['run', '--inherit=none', 'ls']],
    ['a host of the ssh configuration', 'exec-server run --ssh dev\t-t', ['run', '--ssh', 'devbox', '-t']],
    ['a host after a user', 'exec-server run --ssh me@bui\t-t', ['run', '--ssh', 'me@builder', '-t']],
    ['a host after =', 'exec-server run --ssh=dev\t-t', ['run', '--ssh=devbox', '-t']],
    ['an environment', 'exec-server doctor --environment gp\t', ['doctor', '--environment', 'gpu']],
    ['a variable', 'exec-server run -e ONLY_TH\tls', ['run', '-e', 'ONLY_THIS_VARIABLE', 'ls']],
    ['a file', 'exec-server run --env-file vari\tls', ['run', '--env-file', 'variables.env', 'ls']],
    ['a file after =', 'exec-server run --env-file=vari\tls', ['run', '--env-file=variables.env', 'ls']],
    ['a directory', 'exec-server run -w proj\tx', ['run', '-w', 'project/x']],
    ['an operand', 'exec-server help doct\t', ['help', 'doctor']],
    ['a program to run', 'exec-server run -t zzz-\t', ['run', '-t', 'zzz-tool']],
    [
      'an argument of the program to run',
      'exec-server run --ssh=devbox -- cat vari\t',
      ['run', '--ssh=devbox', '--', 'cat', 'variables.env'],
    ],
  ];

  for (const { name, argv, setUp } of SHELLS) {
    describe(`${name} completes`, () => {
      let client: ExecClient | undefined;
      let terminal: Terminal;

      before(async function () {
        if (!existsSync(argv[0])) skipUnavailable(this, `${argv[0]} is not installed`);
        client = await connect(localServer([process.execPath, programPath]));
        terminal = new Terminal(
          await client.start({ argv, cwd: folder, env: { exact: env }, tty: { columns: 200, rows: 50 } }),
        );
        await terminal.type(setUp, /READY>/);
      });

      after(() => client?.close());

      for (const [title, keys, args] of typed) {
        it(title, async () => {
          const shown = await terminal.type(`${keys}\r`, /ran<.*>\./);
          expect(shown).to.equal(`ran${args.map(arg => `<${arg}>`).join('')}.`);
        });
      }
    });
  }

  describe('the completion function of bash', () => {
    /** Candidates for the last of the words, which bash has split at `=` as it does itself. */
    const candidates = (...words: string[]): string[] =>
      execFileSync('/bin/bash', ['-c', BASH_COMPLETION, words.join(' ').replaceAll(' = ', '='), ...words], {
        cwd: folder,
        env,
        encoding: 'utf8',
      })
        .trimEnd()
        .split('\n');

    it('lists what can follow', () => {
      expect(candidates('exec-server', 'run', '--base', '')).to.deep.equal([
        'process',
        'login',
        'loginInteractive',
      ]);
      expect(candidates('exec-server', 'run', '--inherit', '=', 'c')).to.deep.equal(['core']);
      expect(candidates('exec-server', 'run', '--ssh', '')).to.include.members(['builder', 'devbox']);
      expect(candidates('exec-server', 'help', 'env')).to.deep.equal(['env', 'environments']);
    });
  });

  describe('the completion function of fish', () => {
    it('lists what can follow, with descriptions', function () {
      if (!existsSync('/usr/bin/fish')) skipUnavailable(this, 'fish is not installed');
      const list = execFileSync(
        '/usr/bin/fish',
        ['--no-config', '-c', "exec-server completion fish | source; complete -C 'exec-server env'"],
        { cwd: folder, env, encoding: 'utf8' },
      );
      expect(list.trimEnd().split('\n').sort()).to.deep.equal([
        'env\tPrint the environment variables that a process gets, or explain them.',
        'environments\tList the environments of environments.toml, with their problems.',
      ]);
    });
  });

  describe('exec-server completion', () => {
    it('refuses a shell without a script', async () => {
      const { stderr, end } = await runCli(['completion', 'tcsh'], { env });
      expect({ stderr, end }).to.deep.equal({
        stderr:
          "exec-server: command-argument value 'tcsh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish.\n",
        end: 2,
      });
    });
  });
});
