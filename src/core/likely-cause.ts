import { SUPPORTED_NODE } from '../system/supported-node.ts';
import { reportsHeaderAsCommand } from './detect-shell-echo.ts';
import { missingProgram } from './missing-program.ts';
import { printableLine } from './printable.ts';
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
  'hostKeyChanged',
  'hostKeyUnknown',
  'authentication',
  'noContainer',
  'accountClosed',
  'windowsShell',
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
  /** The command of the target. */
  readonly argv: readonly string[];
  /** The end of the program that should carry the connection. */
  readonly transport: TransportEnd | undefined;
  /** The bytes on its stdout, at least the first and the last ones. */
  readonly output: string;
};

/** Recognizes the messages of ssh, shells and other programs; `undefined` if there is no known one. */
export const likelyCause = (failure: FailureEvidence): LikelyCause | undefined => {
  const facts = factsOf(failure);
  const cause = CAUSES.find(({ evidence }) =>
    evidence instanceof RegExp ? evidence.test(facts.stderr) : evidence(facts),
  );
  if (cause === undefined) return undefined;
  const { kind, advice } = cause;
  return { kind, advice: typeof advice === 'string' ? advice : advice(facts) };
};

type Facts = {
  readonly output: string;
  readonly stderr: string;
  readonly errno: string | undefined;
  readonly exitCode: number | null | undefined;
  /** The program that was not found, on either side. */
  readonly missing: string | undefined;
  /** The program that this side runs. */
  readonly program: string;
  readonly carrier: 'ssh' | 'container' | 'other';
};

const factsOf = ({ argv, transport, output }: FailureEvidence): Facts => ({
  output,
  stderr: transport?.stderr.join('\n') ?? '',
  errno: transport?.errno,
  exitCode: transport?.exitCode,
  missing: transport && missingProgram(transport),
  program: programOf(argv),
  carrier: carrierOf(argv.join(' ')),
});

/** The program of a command, or of the script of `sh -c`. */
const programOf = ([file = '', option, script = '']: readonly string[]): string => {
  if (!/(^|\/)sh$/.test(file) || option !== '-c') return file;
  const [, word = file] = /^\s*(?:\w+=\S*\s+)*(?:exec\s+)?(\S+)/.exec(script) ?? [];
  return word;
};

const carrierOf = (command: string): Facts['carrier'] => {
  if (/\bssh\b/.test(command)) return 'ssh';
  return /\b(docker|podman|nerdctl|kubectl|oc|crictl)\b/.test(command) ? 'container' : 'other';
};

type Cause = {
  readonly kind: LikelyCauseKind;
  /** A pattern of stderr, or a condition. */
  readonly evidence: RegExp | ((facts: Facts) => boolean);
  readonly advice: string | ((facts: Facts) => string);
};

const NON_LOGIN_PATH = 'the PATH of the remote non-login shell';
/** The message of the shell on this side, which is run as `sh` or `/bin/sh`. */
const LOCAL_SHELL = /^(?:\/bin\/)?sh: .*not found$/m;
const PROMPT = /(password|passphrase|passcode|verification code|\bpin)\b[^\n]*[:?]\s*$/i;

// The first match counts: the message of a program is more specific than its exit code.
const CAUSES: readonly Cause[] = [
  {
    kind: 'programMissing',
    evidence: ({ errno, missing, program, stderr }) =>
      errno === 'ENOENT' || (missing === program && LOCAL_SHELL.test(stderr)),
    advice: ({ program }) =>
      `${program} was not found on this machine; install it, or add its directory to PATH`,
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
    kind: 'hostKeyChanged',
    evidence: /host identification has changed|host key for \S+ (has changed|was revoked)|revoked host key/i,
    advice:
      'the host key is not the one that ssh knows: the host was reinstalled, or another machine answers in its place. ' +
      'Find out which; only if the new key is correct, remove the old one with ssh-keygen -R',
  },
  {
    kind: 'hostKeyUnknown',
    evidence: /host key verification failed|no \S+ host key is known for/i,
    advice:
      'ssh does not know the key of this host and could not ask: connect once with ssh on a terminal, compare the ' +
      'fingerprint, and confirm it if it is correct',
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
    kind: 'windowsShell',
    evidence: /is not recognized as (an internal or external command|(the|a) name of a cmdlet)/i,
    advice:
      'the host runs Windows, where no server is installed automatically; install exec-server there, and name the ' +
      'command that starts it with --remote-command',
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
    evidence: ({ exitCode, missing, stderr }) =>
      // Older versions of docker also exit with 126 if the program does not exist.
      (exitCode === 126 && missing === undefined) || /\bpermission denied\.?$/im.test(stderr),
    advice:
      'the server cannot be executed; make it executable (chmod +x), and check if its file system is mounted noexec',
  },
  {
    kind: 'serverMissing',
    evidence: ({ exitCode, missing }) => exitCode === 127 || missing !== undefined,
    advice: ({ missing = 'exec-server', carrier }) => {
      const name = printableLine(missing);
      if (name.includes('/')) return `${name} does not exist there; specify the path of exec-server`;
      const path = carrier === 'ssh' ? NON_LOGIN_PATH : 'the PATH';
      return `${name} was not found in ${path}; install it there, or specify its full path`;
    },
  },
  {
    kind: 'otherProgram',
    evidence: /(unknown|unrecognized|invalid|illegal|bad) (option|argument|flag)/i,
    advice: 'another program, or another version, has this name; it does not know the option',
  },
  {
    kind: 'otherSpeaker',
    evidence: ({ output }) => output !== '',
    advice: ({ carrier }) =>
      'the command printed something that is not exec-server output (a menu, a banner or a forced command)' +
      (carrier === 'ssh' ? ', or a start-up file of the remote shell printed it and exited' : ''),
  },
  {
    kind: 'silent',
    evidence: ({ exitCode, stderr, carrier }) =>
      exitCode === 0 ||
      // ssh itself exits with 255; any other code is that of the remote shell.
      (carrier === 'ssh' && typeof exitCode === 'number' && exitCode !== 255 && stderr === ''),
    advice: ({ carrier }) => SILENT[carrier],
  },
];

const SILENT: Readonly<Record<Facts['carrier'], string>> = {
  ssh:
    'the command exited without output: a start-up file of the remote shell (.bashrc, .zshenv, …) exits, or the command ' +
    'is not exec-server',
  container: 'the command exited without output; is it exec-server, and is stdin attached (docker exec -i)?',
  other: 'the command exited without output; is it exec-server, and does it get stdin?',
};
