import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { COMMAND, PAGE, protocolSession } from '../../scripts/protocol-session.ts';

/** The messages of a session, sorted: the order of answers and notifications is not fixed. */
const messages = (text: string): string[] => (text.match(/^[→←] .*$/gm) ?? []).sort();

describe('the sample session in docs/protocol.md', () => {
  it('has the answers of the server', async () => {
    const session = messages(await protocolSession());
    expect(session).to.have.lengthOf.above(20);
    expect(messages(readFileSync(PAGE, 'utf8')), `stale; run: ${COMMAND}`).to.deep.equal(session);
  });
});
