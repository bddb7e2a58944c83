import { SUPPORTED_NODE } from '../system/supported-node.ts';
import { reportsHeaderAsCommand } from './detect-shell-echo.ts';
import type { TransportEnd } from './transport.ts';

/** The probable cause of a failed connection attempt, with advice. */
export type LikelyCause = {
  readonly kind: LikelyCauseKind;
  /** The cause and a remedy, for people. */
  readonly advice: string;
};

export const likelyCauseKinds = [
  'programMissing',
  'hostUnknown',
  'hostUnreachable',
  'hostKey',
  'authentication',
  'noContainer',
  'accountClosed',
  'shellReplaced',
  'nodeMissing',
  'nodeTooOld',
  'serverMissing',
  'notExecutable',
  'otherProgram',
  'terminal',
  'echo',
  'passwordPrompt',
  'otherSpeaker',
  'silent',
] as const;
export type LikelyCauseKind = (typeof likelyCauseKinds)[number];

/** The facts about a failed connection attempt. */
export type FailureEvidence = {
  /** The end of the program that should carry the connection. */
  readonly transport: TransportEnd | undefined;
  /** The bytes on its stdout, at least the first and the last ones. */
  readonly output: string;
};

/** Recognizes the messages of ssh, shells and other programs; `undefined` if there is no known one. */
export const likelyCause = ({ transport, output }: FailureEvidence): LikelyCause | undefined => {
  const stderr = transport?.stderr.join('\n') ?? '';
  const facts = { transport, output, stderr, program: transport?.program ?? 'the program' };
  const cause = CAUSES.find(({ evidence }) =>
    evidence instanceof RegExp ? evidence.test(stderr) : evidence(facts),
  );
  return cause && { kind: cause.kind, advice: cause.advice.replace('PROGRAM', () => facts.program) };
};

type Facts = FailureEvidence & { readonly stderr: string; readonly program: string };

type Cause = {
  readonly kind: LikelyCauseKind;
  /** A pattern of stderr, or a condition. */
  readonly evidence: RegExp | ((facts: Facts) => boolean);
  /** `PROGRAM` stands for the program that should carry the connection. */
  readonly advice: string;
};

const NON_LOGIN_PATH = 'the PATH of the remote non-login shell';
const PROMPT = /(password|passphrase|passcode|verification code|\bpin)\b[^\n]*[:?]\s*$/i;

// The first match counts: the message of a program is more specific than its exit code.
const CAUSES: readonly Cause[] = [
  {
    kind: 'programMissing',
    evidence: ({ transport, stderr }) =>
      transport?.errno === 'ENOENT' ||
      // The shell that ignores the signals of the terminal could not run it.
      (transport?.exitCode === 127 && /\bexec: (\S+): not found$/m.exec(stderr)?.[1] === transport.program),
    advice: 'PROGRAM was not found on this machine; install it, or add its directory to PATH',
  },
  {
    kind: 'hostUnknown',
    evidence: /could not resolve hostname|name or service not known/i,
    advice:
      'the host name could not be resolved; check the spelling and the Host entries in your ssh configuration',
  },
  {
    kind: 'hostUnreachable',
    evidence:
      /connection (refused|timed out|reset)|no route to host|network is unreachable|operation timed out/i,
    advice: 'the host could not be reached; check that it is running, that sshd listens, and the port',
  },
  {
    kind: 'hostKey',
    evidence: /host key verification failed|host identification has changed/i,
    advice: 'the host key could not be verified; connect once with ssh and confirm the key if it is correct',
  },
  {
    kind: 'authentication',
    evidence: /permission denied \([^)]*\)|too many authentication failures/i,
    advice:
      'the host rejected the user or the key; check both in your ssh configuration, and that ssh-agent has the key',
  },
  {
    kind: 'noContainer',
    evidence: /no such container|container \S+ is not running|pods? ".*" not found/i,
    advice: 'the container does not exist or is not running; start it first',
  },
  {
    kind: 'accountClosed',
    evidence: ({ output }) => /account is currently not available|nologin/i.test(output),
    advice: 'this account has no login shell; use another user',
  },
  {
    kind: 'terminal',
    evidence: ({ output, stderr }) =>
      /content-length: \d+\r\r\n/i.test(output) || /input device is not a tty/i.test(stderr),
    advice: 'a terminal (pty) is rewriting the byte stream; connect without one (ssh -T, docker exec -i)',
  },
  {
    kind: 'echo',
    evidence: ({ output }) => output.includes('"method":"initialize"'),
    advice: 'the request was echoed; a terminal or a program such as cat runs in place of the server',
  },
  {
    kind: 'shellReplaced',
    evidence: ({ stderr }) => reportsHeaderAsCommand(stderr),
    advice:
      'a shell reads stdin in place of the server; a start-up file of the account runs another shell ' +
      '(exec zsh, …). Run it on a terminal only: [ -t 0 ] && exec …',
  },
  {
    kind: 'passwordPrompt',
    evidence: ({ output, stderr }) => PROMPT.test(output) || PROMPT.test(stderr),
    advice: 'a program asks for a password and cannot get one; use a key, or a command without a password',
  },
  {
    kind: 'nodeMissing',
    evidence:
      /env:.*\bnode\b.*no such file|\bnode: (command )?not found|(not found|unknown command): node$/im,
    advice:
      `the server is installed, but Node is not in ${NON_LOGIN_PATH}; nvm and similar tools add it in start-up files ` +
      'that only an interactive shell reads. Link node into a directory of that PATH, or start the server by the full ' +
      'path of node',
  },
  {
    kind: 'nodeTooOld',
    evidence: /\bNode [\d.]+ is too old\b|\bSyntaxError\b/,
    advice: `the server needs ${SUPPORTED_NODE}: update the Node in ${NON_LOGIN_PATH}, or start the server by the full path of a newer one`,
  },
  {
    kind: 'notExecutable',
    evidence: ({ transport, stderr }) =>
      // Older versions of docker also exit with 126 if the program does not exist.
      (transport?.exitCode === 126 && !/executable file not found/i.test(stderr)) ||
      /\bpermission denied\.?$/im.test(stderr),
    advice:
      'the server cannot be executed; make it executable (chmod +x), and check if its file system is mounted noexec',
  },
  {
    kind: 'serverMissing',
    evidence: ({ transport, stderr }) =>
      transport?.exitCode === 127 ||
      // csh exits with 1.
      /command not found|unknown command|executable file not found|: no such file or directory$/im.test(
        stderr,
      ),
    advice: `exec-server was not found; install it in ${NON_LOGIN_PATH}, or specify its full path`,
  },
  {
    kind: 'otherProgram',
    evidence: /(unknown|unrecognized|invalid|illegal|bad) (option|argument|flag)/i,
    advice: 'another program, or another version, has this name; it does not know the option',
  },
  {
    kind: 'otherSpeaker',
    evidence: ({ output }) => output !== '',
    advice:
      'the command printed something that is not exec-server output (a menu, a banner or a forced command)',
  },
  {
    kind: 'silent',
    evidence: ({ transport }) => transport?.exitCode === 0 && transport.stderr.length === 0,
    advice:
      'the command exited without output; is it exec-server, and is stdin attached (docker exec needs -i)?',
  },
];
