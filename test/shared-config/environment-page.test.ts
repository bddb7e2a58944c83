import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { explanationTable } from '../../src/cli/explanation-table.ts';
import { renderSpans } from '../../src/cli/spans.ts';
import { explainLocally } from '../../src/core/local-environment.ts';
import { requests } from '../../src/protocol/messages.ts';
import { type Env, type EnvExplanation, explainNames, traceEnv } from '../../src/shared-config/index.ts';
import { SECRET_SHAPES } from '../../src/shared-config/secret-values.ts';

const page = readFileSync(new URL('../../docs/environment.md', import.meta.url), 'utf8');

/** What is between a heading of the page and the next one of its level. */
const section = (heading: string): string => {
  const text = page.split(/^## /m).find(part => part.startsWith(`${heading}\n`));
  if (text === undefined) throw new Error(`docs/environment.md has no section ${heading}`);
  return text;
};

/** The cells of the first table, without its head. */
const cells = (text: string): string[][] =>
  Array.from(text.matchAll(/^\|(.*)\|$/gm), ([, row = '']) =>
    row.split('|').map(cell => cell.trim().replace(/^`([^`]*)`$/, '$1')),
  ).slice(2);

describe('docs/environment.md', () => {
  const examples = section('Examples');
  const [, json = '{}'] = /```json\n(.*?)```/s.exec(examples) ?? [];
  const base: Env = JSON.parse(json);
  const steps = Array.from(
    examples.matchAll(/^\*\*(.*?)\*\*.*?```json\n(.*?)```\n\n```\n(.*?)```/gms),
    ([, title = '', input = '', output = '']) => ({ title, input, output }),
  );

  it('has an example of each step', () => {
    expect(Object.keys(base)).to.include.members(['PATH', 'DATABASE_URL']);
    expect(steps).to.have.lengthOf(9);
  });

  for (const { title, input, output } of steps) {
    it(`shows what becomes of each variable: ${title}`, () => {
      const { envPolicy, env } = requests['environment/explain'].params.parse(JSON.parse(input));
      const { variables, ...rest } = explainLocally(
        { base, policy: envPolicy, overlay: env, platform: 'posix' },
        undefined,
      );
      const sorted = Object.fromEntries(
        Object.entries(variables).sort(([one], [other]) => (one < other ? -1 : 1)),
      );
      const spans = explanationTable({ ...rest, variables: sorted });
      expect(renderSpans(spans, false)).to.equal(output);
    });
  }

  it('shows the output of the program', () => {
    const text = section('Finding out what happened');
    const [, code = ''] = /```ts\nimport [^\n]*\n(.*?)```/s.exec(text) ?? [];
    const run = new Function(
      'explainNames',
      'traceEnv',
      code.replace('\nexplainNames(', '\nreturn explainNames('),
    );
    const explained: ReadonlyMap<string, EnvExplanation> = run(explainNames, traceEnv);
    const told = Array.from(explained, ([name, { outcome, ...why }]) => {
      const { by = '', pattern = '' } = why as { by?: string; pattern?: string };
      return [name, outcome, by, pattern];
    });
    expect(cells(text)).to.deep.equal(told);
  });

  it('lists every shape of a secret, in the order in which they are looked for', () => {
    expect(cells(section('Values that look like secrets')).map(([name]) => name)).to.deep.equal(
      Object.keys(SECRET_SHAPES),
    );
  });
});
