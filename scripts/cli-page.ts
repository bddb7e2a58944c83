// Writes docs/cli.md: the reference of the command line, from its declarations in src/cli.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CommandReference, commandReferences, type Entry } from './cli-reference.ts';

/** The command that writes the page. */
export const COMMAND = 'npx tsx scripts/cli-page.ts';

/** The path of the page. */
export const PAGE = join(import.meta.dirname, '../docs/cli.md');

/** Generates the page. */
export const cliPage = (): string =>
  [
    '# Command line',
    `<!-- Written by \`${COMMAND}\` from the declarations in src/cli. Don't edit it here. -->`,
    INTRODUCTION,
    ...commandReferences().map(commandSection),
  ]
    .join('\n\n')
    .concat('\n');

const INTRODUCTION = `Each command prints its options with \`--help\`, and the installed package has man pages, such as
\`man exec-server-run\`. Words that begin with \`-\` are options, up to the first operand or \`--\`; all later words belong
to the command. Messages of the program go to stderr and begin with \`exec-server:\`.`;

const commandSection = (reference: CommandReference): string => {
  const { path, summary, synopsis, description, operands, optionGroups, exitCodes, examples } = reference;
  return [
    `## ${path}`,
    fenced(
      '',
      synopsis.map(form => `${path} ${form}`),
    ),
    ...[summary, ...description].map(prose),
    ...(operands.length > 0 ? [table(['operand', 'meaning'], operands)] : []),
    ...optionGroups.map(({ title, options }) => table([title.toLowerCase(), 'meaning'], options)),
    table(
      ['exit status', 'meaning'],
      exitCodes.map(([code, meaning]): Entry => [`${code}`, meaning]),
    ),
    fenced(
      'sh',
      examples.flatMap(({ command, text }) => [`# ${text}`, command]),
    ),
  ].join('\n\n');
};

const fenced = (language: string, lines: readonly string[]): string =>
  [`\`\`\`${language}`, ...lines, '```'].join('\n');

/** Paragraph in which options are code. */
const prose = (text: string): string =>
  text.replace(/(?<![\w-]|exec-server |`[^`]*)(--[a-z][a-z-]*|~\/[\w./-]+)/g, '`$1`');

/** Markdown table, padded like Biome does, which checks this page as well. */
const table = (head: Entry, entries: readonly Entry[]): string => {
  const rows = [head, ...entries.map(([term, text]): Entry => [`\`${cell(term)}\``, prose(cell(text))])];
  const widths = [0, 1].map(column => Math.max(...rows.map(row => (row[column] ?? '').length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [first, ...others] = rows.map(line);
  return [first, line(widths.map(width => '-'.repeat(width))), ...others].join('\n');
};

const cell = (text: string): string => text.replaceAll('|', '\\|');

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(PAGE, cliPage());
