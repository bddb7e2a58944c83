import { expect } from 'chai';
import { type LikelyCauseKind, likelyCause } from '../../src/core/likely-cause.ts';
import type { TransportEnd } from '../../src/core/transport.ts';

const SSH = ['ssh', '-T', '--', 'devbox', 'exec-server --stdio'];
const via = (script: string) => ['/bin/sh', '-c', script];

const ended = (
  exitCode: number | null,
  stderr: string[] = [],
  more: Partial<TransportEnd> = {},
  argv: readonly string[] = SSH,
) => ({
  argv,
  transport: { program: 'ssh', exitCode, signal: null, stderr, ...more },
  output: '',
});

const printed = (output: string, exitCode = 0) => ({ ...ended(exitCode), output });

const kindOf = (evidence: Parameters<typeof likelyCause>[0]): LikelyCauseKind | undefined =>
  likelyCause(evidence)?.kind;

describe('likelyCause', () => {
  // The messages are those of the programs.
  const cases: Array<[title: string, evidence: Parameters<typeof likelyCause>[0], kind: LikelyCauseKind]> = [
    ['no such program', ended(null, [], { errno: 'ENOENT' }), 'programMissing'],
    ['no ssh, by dash', ended(127, ['sh: 1: exec: ssh: not found']), 'programMissing'],
    ['no ssh, by bash', ended(127, ['/bin/sh: line 1: exec: ssh: not found']), 'programMissing'],
    [
      'an unknown host',
      ended(255, ['ssh: Could not resolve hostname nowhere: Name or service not known']),
      'hostUnknown',
    ],
    [
      'a closed port',
      ended(255, ['ssh: connect to host 127.0.0.1 port 1: Connection refused']),
      'hostUnreachable',
    ],
    [
      'a host that is off',
      ended(255, ['ssh: connect to host box port 22: Connection timed out']),
      'hostUnreachable',
    ],
    ['no ssh, by busybox', ended(127, ['sh: exec: line 0: ssh: not found']), 'programMissing'],
    ['no ssh on the host', ended(127, ['bash: line 1: ssh: command not found']), 'serverMissing'],
    [
      'no local program of a command',
      ended(127, ['/bin/sh: 1: nosuch: not found'], {}, via('A=b exec nosuch --x')),
      'programMissing',
    ],
    [
      'no local node of a command',
      ended(127, ['/bin/sh: line 1: node: command not found'], {}, via('node x.cjs --stdio')),
      'programMissing',
    ],
    [
      'no program in a container, by its shell',
      ended(127, ['/bin/sh: 1: nosuch: not found'], {}, via('docker exec -i box /bin/sh -c nosuch')),
      'serverMissing',
    ],
    ['an unknown host key', ended(255, ['Host key verification failed.']), 'hostKeyUnknown'],
    [
      'an unknown host key with strict checking',
      ended(255, [
        'No ED25519 host key is known for devbox and you have requested strict checking.',
        'Host key verification failed.',
      ]),
      'hostKeyUnknown',
    ],
    [
      'a changed host key',
      ended(255, [
        '@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @',
        'Host key for devbox has changed and you have requested strict checking.',
        'Host key verification failed.',
      ]),
      'hostKeyChanged',
    ],
    [
      'a revoked host key',
      ended(255, [
        '@       WARNING: REVOKED HOST KEY DETECTED!               @',
        'ED25519 host key for devbox was revoked and you have requested strict checking.',
        'Host key verification failed.',
      ]),
      'hostKeyChanged',
    ],
    ['a refused user', ended(255, ['me@box: Permission denied (publickey,password).']), 'authentication'],
    ['no such container', ended(1, ['Error response from daemon: No such container: box']), 'noContainer'],
    ['docker with -t but no terminal', ended(1, ['the input device is not a TTY']), 'terminal'],
    ['a terminal that changes line ends', printed('Content-Length: 200\r\r\n\r\r\n{"jsonrpc"'), 'terminal'],
    ['an echo', printed('Content-Length: 90\r\n\r\n{"jsonrpc":"2.0","id":0,"method":"initialize"'), 'echo'],
    ['bash reads the frames', ended(127, ['bash: Content-Length:: command not found']), 'shellReplaced'],
    ['zsh reads the frames', ended(127, ['zsh: command not found: Content-Length:']), 'shellReplaced'],
    ['fish reads the frames', ended(127, ['fish: Unknown command: Content-Length:']), 'shellReplaced'],
    ['tcsh reads the frames', ended(1, ['Content-Length:: Too many arguments.']), 'shellReplaced'],
    ['dash reads the frames', ended(127, ['dash: 1: Content-Length:: not found']), 'shellReplaced'],
    ['a prompt on stdout', printed('Welcome\nPassword: '), 'passwordPrompt'],
    ['a prompt on stderr', ended(1, ['[sudo] password for me: ']), 'passwordPrompt'],
    ['an account without a shell', printed('This account is currently not available.\n', 1), 'accountClosed'],
    ['no node, by GNU env', ended(127, ['/usr/bin/env: ‘node’: No such file or directory']), 'nodeMissing'],
    ['no node, by BSD env', ended(127, ['env: node: No such file or directory']), 'nodeMissing'],
    ['no node, by bash', ended(127, ['bash: line 1: node: command not found']), 'nodeMissing'],
    ['no node, by zsh', ended(127, ['zsh:1: command not found: node']), 'nodeMissing'],
    [
      'an old node, by the server',
      ended(78, ['exec-server: Node 18.20.8 is too old (/usr/bin/node); exec-server needs …']),
      'nodeTooOld',
    ],
    ['a very old node', ended(1, ["SyntaxError: Unexpected token '??='"]), 'nodeTooOld'],
    ['no server, by bash', ended(127, ['bash: line 1: exec-server: command not found']), 'serverMissing'],
    ['no server, by zsh', ended(127, ['zsh:1: command not found: exec-server']), 'serverMissing'],
    ['no server, by fish', ended(127, ['fish: Unknown command: exec-server']), 'serverMissing'],
    ['no server, by tcsh', ended(1, ['exec-server: Command not found.']), 'serverMissing'],
    ['no node, by fish', ended(127, ['fish: Unknown command: node']), 'nodeMissing'],
    [
      'no server, by docker',
      ended(126, [
        'OCI runtime exec failed: exec: "exec-server": executable file not found in $PATH: unknown',
      ]),
      'serverMissing',
    ],
    ['no server at a path', ended(127, ['bash: line 1: /opt/x: No such file or directory']), 'serverMissing'],
    [
      'a server that is not executable',
      ended(126, ['bash: line 1: /opt/x: Permission denied']),
      'notExecutable',
    ],
    ['a server that is not executable, by tcsh', ended(1, ['/opt/x: Permission denied.']), 'notExecutable'],
    ['another program of that name', ended(2, ["exec-server: unknown option '--stdio'"]), 'otherProgram'],
    ['a menu', printed('1) mail\n2) quit\n'), 'otherSpeaker'],
    ['no output', ended(0), 'silent'],
    ['no output and a code of the remote shell', ended(3), 'silent'],
    ['no output but a warning', ended(0, ["Warning: Permanently added 'devbox'"]), 'silent'],
    [
      'a missing file of a start-up file, and no server',
      ended(127, [
        '/home/me/.bashrc: line 5: /home/me/.cargo/env: No such file or directory',
        'bash: line 1: exec-server: command not found',
      ]),
      'serverMissing',
    ],
  ];
  for (const [title, evidence, kind] of cases) {
    it(`recognizes ${title}`, () => {
      expect(kindOf(evidence)).to.equal(kind);
    });
  }

  const adviceFor = (evidence: Parameters<typeof likelyCause>[0]) => likelyCause(evidence)?.advice;

  it('names the program that is missing on this machine', () => {
    const advice = 'docker was not found on this machine; install it, or add its directory to PATH';
    const argv = ['docker', 'exec', '-i', 'box', 'exec-server', '--stdio'];
    expect(adviceFor(ended(null, [], { errno: 'ENOENT', program: 'docker' }, argv))).to.equal(advice);
    expect(adviceFor(ended(127, ['/bin/sh: 1: docker: not found'], {}, via(argv.join(' '))))).to.equal(
      advice,
    );
  });

  it('names the program that is missing on the server', () => {
    expect(adviceFor(ended(127, ['dash: 1: exec: x\u202e: not found']))).to.equal(
      'x\\u202e was not found in the PATH of the remote non-login shell; install it there, or specify its full path',
    );
    expect(adviceFor(ended(127, ['dash: 1: /opt/x: not found']))).to.equal(
      '/opt/x does not exist there; specify the path of exec-server',
    );
    expect(adviceFor(ended(127))).to.match(/^exec-server was not found in /);
    const message = 'exec: "exec-server": executable file not found in $PATH: unknown';
    expect(adviceFor(ended(126, [message], {}, ['docker', 'exec', 'box', 'exec-server']))).to.equal(
      'exec-server was not found in the PATH; install it there, or specify its full path',
    );
  });

  it('explains an exit without output by the program that carries the connection', () => {
    expect(adviceFor(ended(0)))
      .to.contain('.bashrc')
      .and.not.contain('docker');
    expect(adviceFor(ended(0, [], {}, via('docker exec box exec-server --stdio')))).to.contain(
      'docker exec -i',
    );
    expect(adviceFor(ended(0, [], {}, via('true')))).to.not.match(/docker|bashrc/);
  });

  it('warns of confirming a changed host key', () => {
    const changed = ended(255, ['REMOTE HOST IDENTIFICATION HAS CHANGED!', 'Host key verification failed.']);
    expect(adviceFor(changed)).to.contain('another machine').and.contain('ssh-keygen -R');
    expect(adviceFor(ended(255, ['Host key verification failed.']))).to.not.contain('ssh-keygen');
  });

  it('returns undefined without evidence', () => {
    for (const evidence of [
      { argv: [], transport: undefined, output: '' },
      ended(3, [], {}, via('exit 3')),
      ended(3, ['complaint']),
      ended(null, [], { signal: 'SIGKILL' }),
    ]) {
      expect(likelyCause(evidence)).to.equal(undefined);
    }
  });
});
