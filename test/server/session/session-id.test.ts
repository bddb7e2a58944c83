import { expect } from 'chai';
import { newSessionId } from '../../../src/server/session/session-id.ts';

describe('newSessionId', () => {
  it('returns a different id each time', () => {
    expect(newSessionId()).to.match(/^[0-9a-z]{8,}-[0-9a-z]+$/);
    expect(newSessionId()).not.to.equal(newSessionId());
  });
});
