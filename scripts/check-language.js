// Checks the English of code and documents: phrases with a plainer replacement, first words of docstrings, and the length
// of sentences in documents. Prints FILE:LINE: FINDING for each finding; the exit code is 1 if there is one.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** Phrases to avoid, each with its replacement. */
const PHRASES = [
  ['nobody|no one', 'no client, no process: name the actor'],
  ['whoever|whosoever', 'the client, the caller, a process that: name the actor'],
  ['somebody|someone', 'another process, the client: name the actor'],
  ['tells? (?:of|what|whether|that|it|how|who|which|why)', 'reports, returns, says'],
  ['(?:is|are|was|were|be|been|being) told', 'receives, is notified'],
  ['twice is harmless', 'Idempotent.'],
  ['for ever', 'forever'],
  ['anew', 'again'],
  ['farewell', 'end reason'],
  ['comes? by|came by', 'is obtained'],
  ['call(?:ed|s)? off', 'cancel'],
  ['pass(?:ed|es)? over', 'ignore, skip'],
  ['held up|holds? up|holding up', 'delay, block'],
  ['giv(?:en?|es|ing) up|gave up', 'abort, cancel, fail'],
  ['rungs?|ladders?', 'fallback'],
  ['at once', 'immediately, or concurrently'],
  ['meanwhile', 'in the meantime, while'],
  ['besides?', 'next to, also'],
  ['kin|and its like', 'and similar'],
  ['mend(?:s|ed|ing)?', 'fix'],
  ['con' + 'fin(?:ed?|es|ing|ement)', 'sandboxed'],
].map(([words, instead]) => ({ pattern: new RegExp(`\\b(?:${words})\\b`, 'i'), instead }));

/** First words that no docstring has; it starts with a noun phrase or a third-person verb. */
const OPENING = /^\s*(?:\/\*\*|\*)\s+(What|How|Whether|Where|Why|Who|Whoever|When|If)\b/;

/** The most words of a sentence in a document. */
const MAX_WORDS = 45;

const inPhrases = (file, lines) =>
  lines.flatMap((line, index) =>
    PHRASES.flatMap(({ pattern, instead }) => {
      const [found] = pattern.exec(line) ?? [];
      return found === undefined ? [] : [`${file}:${index + 1}: "${found}": ${instead}`];
    }),
  );

const inOpenings = (file, lines) =>
  lines.flatMap((line, index) => {
    const isFirst = line.includes('/**') || lines[index - 1]?.trim() === '/**';
    const [, word] = (isFirst && OPENING.exec(line)) || [];
    return word === undefined ? [] : [`${file}:${index + 1}: a docstring starts with "${word}"`];
  });

const inSentences = (file, text) => {
  const findings = [];
  let line = 1;
  // Code and tables have no sentences.
  const prose = text.replace(/```[\s\S]*?```/g, code => code.replace(/[^\n]/g, '')).replace(/^\|.*$/gm, '');
  for (const paragraph of prose.split(/(\n\s*\n)/)) {
    for (const sentence of paragraph.split(/(?<=[.:;?!])\s|\n- /)) {
      const count = sentence.split(/\s+/).filter(Boolean).length;
      if (count > MAX_WORDS)
        findings.push(`${file}:${line}: a sentence of ${count} words; at most ${MAX_WORDS}`);
    }
    line += paragraph.split('\n').length - 1;
  }
  return findings;
};

const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).split('\n');
const findings = tracked
  .filter(file => /\.(ts|js|md)$/.test(file) && file !== 'scripts/check-language.js')
  .flatMap(file => {
    const text = readFileSync(join(root, file), 'utf8');
    const lines = text.split('\n');
    return [
      ...inPhrases(file, lines),
      ...(file.startsWith('src/') ? inOpenings(file, lines) : []),
      ...(file.endsWith('.md') ? inSentences(file, text) : []),
    ];
  });
process.stdout.write(findings.map(finding => `${finding}\n`).join(''));
process.exitCode = findings.length > 0 ? 1 : 0;
