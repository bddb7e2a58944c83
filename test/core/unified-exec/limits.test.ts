import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { UNIFIED_EXEC_LIMITS } from '../../../src/core/unified-exec/limits.ts';

describe('UNIFIED_EXEC_LIMITS', () => {
  it('are those in docs/unified-exec.md, each with its field', () => {
    const page = readFileSync(new URL('../../../docs/unified-exec.md', import.meta.url), 'utf8');
    const rows = page.match(/^\| [^|]+\| [^|]+\| (`\w+`(, )?)+ +\|$/gm) ?? [];
    const told = rows.flatMap(row => {
      const [, , values = '', fields = ''] = row.split('|');
      const numbers = values.split(/,(?= )| to /).map(inUnits);
      return fields.split(',').map((field, at) => [field.trim().replaceAll('`', ''), numbers[at]]);
    });
    expect(Object.fromEntries(told)).to.deep.equal(UNIFIED_EXEC_LIMITS);
  });
});

/** `10 s` in milliseconds, `1 MiB` in bytes, any other number as it is. */
const inUnits = (text: string): number => {
  const number = Number.parseFloat(text.replaceAll(',', ''));
  if (/\d s\b/.test(text)) return number * 1000;
  return text.includes('MiB') ? number * 1024 * 1024 : number;
};
