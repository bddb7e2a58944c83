import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { COMMAND, PAGE, protocolSession } from '../../scripts/protocol-session.ts';

/** The messages of a session. Those of one process and the answers have no common order. */
const messages = (text: string): string[] => (text.match(/^[→←] .*$/gm) ?? []).sort();

describe('the sample session in docs/protocol.md', () => {
  it('is what the server answers', async () => {
    const session = messages(await protocolSession());
    expect(session).to.have.lengthOf.above(20);
    expect(messages(readFileSync(PAGE, 'utf8')), `stale; run: ${COMMAND}`).to.deep.equal(session);
  });
});
