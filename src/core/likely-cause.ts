import { complainsOfHeader } from './shell-in-place.ts';
import type { TransportEnd } from './transport.ts';

/** What probably kept a connection from coming about, and what to do. */
export type LikelyCause = {
  readonly kind: LikelyCauseKind;
  /** For people: sentences that name the cause and a remedy. */
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

/** What is known of a connection that did not come about. */
export type FailureEvidence = {
  /** How the program that was to carry it ended. */
  readonly transport: TransportEnd | undefined;
  /** What came on stdout, its beginning and its end at least. */
  readonly noise: string;
};

/** Reads from the words of ssh, shells and others what probably went wrong; `undefined` where they say nothing. */
export const likelyCause = (evidence: FailureEvidence): LikelyCause | undefined => {
  const stderr = evidence.transport?.stderr.join('\n') ?? '';
  const { transport, noise } = evidence;
  const facts = { transport, noise, stderr, program: transport?.program ?? 'the program' };
  const cause = CAUSES.find(({ shows }) => shows(facts));
  return cause && { kind: cause.kind, advice: cause.advice(facts) };
};

type Facts = FailureEvidence & { readonly stderr: string; readonly program: string };

type Cause = {
  readonly kind: LikelyCauseKind;
  readonly shows: (facts: Facts) => boolean;
  readonly advice: (facts: Facts) => string;
};

const NON_LOGIN = 'the PATH there without a login shell';

// The first that fits is taken: what a program says of itself comes before what its exit code may mean.
const CAUSES: readonly Cause[] = [
  {
    kind: 'programMissing',
    shows: ({ transport, stderr }) =>
      transport?.errno === 'ENOENT' ||
      // The shell that keeps the keyboard's signals away could not run it.
      (transport?.exitCode === 127 && /\bexec: (\S+): not found$/m.exec(stderr)?.[1] === transport.program),
    advice: ({ program }) => `${program} must be installed and in PATH here`,
  },
  {
    kind: 'hostUnknown',
    shows: ({ stderr }) => /could not resolve hostname|name or service not known/i.test(stderr),
    advice: () =>
      'nobody here knows this host: check its spelling, and the Host entries of the ssh configuration',
  },
  {
    kind: 'hostUnreachable',
    shows: ({ stderr }) =>
      /connection (refused|timed out|reset)|no route to host|network is unreachable|operation timed out/i.test(
        stderr,
      ),
    advice: () => "the host can't be reached: is it up, does sshd run there, is the port right?",
  },
  {
    kind: 'hostKey',
    shows: ({ stderr }) => /host key verification failed|host identification has changed/i.test(stderr),
    advice: () => 'connect once by hand with ssh, and confirm the key of the host if it is the right one',
  },
  {
    kind: 'authentication',
    shows: ({ stderr }) => /permission denied \([^)]*\)|too many authentication failures/i.test(stderr),
    advice: () =>
      'the host refuses the user or the key: check both in the ssh configuration, and that ssh-agent has the key',
  },
  {
    kind: 'noContainer',
    shows: ({ stderr }) =>
      /no such container|container \S+ is not running|pods? ".*" not found/i.test(stderr),
    advice: () => "the container isn't there or doesn't run: start it first",
  },
  {
    kind: 'accountClosed',
    shows: ({ noise }) => /account is currently not available|nologin/i.test(noise),
    advice: () => 'this account has no shell: take another user',
  },
  {
    kind: 'terminal',
    shows: ({ noise, stderr }) =>
      /content-length: \d+\r\r\n/i.test(noise) || /input device is not a tty/i.test(stderr),
    advice: () =>
      'a terminal is in between, which changes bytes: connect without one (ssh -T, docker exec -i)',
  },
  {
    kind: 'echo',
    shows: ({ noise }) => noise.includes('"method":"initialize"'),
    advice: () =>
      'what was sent came back: a terminal or a program such as cat is there in place of a server',
  },
  {
    kind: 'shellReplaced',
    // A shell took our first line for a command.
    shows: ({ stderr }) => complainsOfHeader(stderr),
    advice: () =>
      'a shell reads its commands where the server should read: a start-up file of the account runs another shell ' +
      '(exec zsh, …). Let it do so only on a terminal: [ -t 0 ] && exec …',
  },
  {
    kind: 'passwordPrompt',
    shows: ({ noise, stderr }) => PROMPT.test(noise) || PROMPT.test(stderr),
    advice: () =>
      'something asks for a password where nobody can answer: use a key, or a command that needs no password',
  },
  {
    kind: 'nodeMissing',
    shows: ({ stderr }) =>
      /env:.*\bnode\b.*no such file|\bnode: (command )?not found|(not found|unknown command): node$/im.test(
        stderr,
      ),
    advice: () =>
      `the server is there, but Node isn't in ${NON_LOGIN}: nvm and its kin add it in start-up files that only a ` +
      'terminal reads. Link node into a directory of that PATH, or start the server by the full path of node',
  },
  {
    kind: 'nodeTooOld',
    shows: ({ stderr }) =>
      /\bSyntaxError\b|ERR_UNKNOWN_BUILTIN_MODULE|cannot find module 'node:/i.test(stderr),
    advice: () => `the Node in ${NON_LOGIN} is too old: the server needs 20.19 or newer`,
  },
  {
    kind: 'notExecutable',
    shows: ({ transport, stderr }) =>
      // An older docker ends with this code, too, when the program isn't there.
      (transport?.exitCode === 126 && !/executable file not found/i.test(stderr)) ||
      /\bpermission denied\.?$/im.test(stderr),
    advice: () =>
      'the server is there, but may not be executed: chmod +x it, and look whether its disk is mounted noexec',
  },
  {
    kind: 'serverMissing',
    shows: ({ transport, stderr }) =>
      transport?.exitCode === 127 ||
      // csh exits with 1.
      /command not found|unknown command|executable file not found|: no such file or directory$/im.test(
        stderr,
      ),
    advice: () => `exec-server must be installed there and in ${NON_LOGIN}, or be named by its full path`,
  },
  {
    kind: 'otherProgram',
    shows: ({ stderr }) => /(unknown|unrecognized|invalid|illegal|bad) (option|argument|flag)/i.test(stderr),
    advice: () => "another program, or another version, answers to that name: it doesn't know the option",
  },
  {
    kind: 'otherSpeaker',
    shows: ({ noise }) => noise !== '',
    advice: () =>
      'something else speaks there: a menu, a greeting or a forced command in place of the server',
  },
  {
    kind: 'silent',
    shows: ({ transport }) => transport?.exitCode === 0 && transport.stderr.length === 0,
    advice: () => 'it ended without a word: is it a server, and did it get its stdin (docker exec needs -i)?',
  },
];

const PROMPT = /(password|passphrase|passcode|verification code|\bpin)\b[^\n]*[:?]\s*$/i;
