// Man pages of the program and its commands, in roff with the macros of man(7). scripts/build.js writes them to dist/man.
import { version } from '../src/protocol/version.ts';
import { type CommandReference, commandReferences, type Entry } from './cli-reference.ts';

/** A man page: the name of its file, and its text. */
export type ManPage = { readonly file: string; readonly text: string };

/** Generates the man pages. */
export const manPages = (): readonly ManPage[] => {
  const references = commandReferences();
  return references.map(reference => ({
    file: `${pageName(reference)}.1`,
    text: manPage(reference, references),
  }));
};

const pageName = ({ path }: CommandReference): string => path.replaceAll(' ', '-');

const manPage = (reference: CommandReference, all: readonly CommandReference[]): string => {
  const name = pageName(reference);
  const { path, summary, synopsis, description, operands, optionGroups, exitCodes, examples } = reference;
  const isProgram = reference === all[0];
  return [
    `.TH ${quoted(name.toUpperCase())} 1 "" ${quoted(`exec-server ${version}`)} ${quoted('exec-server manual')}`,
    '.SH NAME',
    `${roff(name)} \\- ${roff(lowerFirst(summary))}`,
    '.SH SYNOPSIS',
    '.nf',
    ...synopsis.map(form => `\\fB${roff(path)}\\fR ${roff(form)}`),
    '.fi',
    '.SH DESCRIPTION',
    ...[summary, ...description].flatMap(text => ['.PP', roffLine(text)]),
    ...(isProgram ? section('COMMANDS', all.slice(1).map(commandEntry)) : []),
    ...section('OPERANDS', operands),
    '.SH OPTIONS',
    ...optionGroups.flatMap(({ title, options }) => [`.SS ${quoted(title)}`, ...options.flatMap(entry)]),
    ...section(
      'EXIT STATUS',
      exitCodes.map(([code, meaning]): Entry => [`${code}`, meaning]),
    ),
    ...section('ENVIRONMENT', ENVIRONMENT),
    '.SH EXAMPLES',
    ...examples.flatMap(({ command, text }) => [
      '.PP',
      roffLine(`${text}:`),
      '.PP',
      '.RS 4',
      '.nf',
      roffLine(command),
      '.fi',
      '.RE',
    ]),
    '.SH SEE ALSO',
    `${seeAlso(reference, all)}.`,
    '',
  ].join('\n');
};

const commandEntry = (reference: CommandReference): Entry => [`${pageName(reference)}(1)`, reference.summary];

const section = (title: string, entries: readonly Entry[]): string[] =>
  entries.length === 0 ? [] : [`.SH ${title}`, ...entries.flatMap(entry)];

const entry = ([term, text]: Entry): string[] => ['.TP', `\\fB${roff(term)}\\fR`, roffLine(text)];

const ENVIRONMENT: readonly Entry[] = [
  ['CODEX_HOME', 'directory of environments.toml and config.toml (default: ~/.codex)'],
  ['NO_COLOR', 'if set, tables have no colours'],
];

const seeAlso = (reference: CommandReference, all: readonly CommandReference[]): string =>
  [
    ...all.filter(other => other !== reference).map(other => [pageName(other), 1] as const),
    ['ssh', 1] as const,
  ]
    .map(([name, number]) => `\\fB${roff(name)}\\fR(${number})`)
    .join(', ');

const lowerFirst = (text: string): string =>
  `${text.charAt(0).toLowerCase()}${text.slice(1)}`.replace(/\.$/, '');

const quoted = (text: string): string => `"${roff(text).replaceAll('"', '\\(dq')}"`;

/** Escapes text within a line; a hyphen is one that can be copied. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll('…', '\\&...');

/** Escapes a line: one that begins with a dot would be a request. */
const roffLine = (text: string): string => roff(text).replace(/^\./, '\\&.');
