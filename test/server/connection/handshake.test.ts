import { expect } from 'chai';
import { ExecServerError } from '../../../src/protocol/errors.ts';
import { Session } from '../../../src/server/connection/handshake.ts';

/** What is thrown, as its data. */
const refusal = (act: () => void): unknown => {
  try {
    act();
  } catch (error) {
    expect(error).to.be.instanceOf(ExecServerError);
    return (error as ExecServerError).data;
  }
  return undefined;
};

describe('Session', () => {
  it('has an id of its own', () => {
    expect(new Session().id).to.match(/^[0-9a-z]{8,}-[0-9a-z]+$/);
    expect(new Session().id).not.to.equal(new Session().id);
  });

  it('admits initialize alone at first, and says what is missing', () => {
    const session = new Session();
    expect(refusal(() => session.admit('initialize'))).to.equal(undefined);
    expect(refusal(() => session.admit('process/start'))).to.deep.equal({
      kind: 'notInitialized',
      missing: 'initialize',
    });
  });

  it('admits nothing more until the client has said initialized', () => {
    const session = new Session();
    session.initialize();
    expect(refusal(() => session.admit('process/start'))).to.deep.equal({
      kind: 'notInitialized',
      missing: 'initialized',
    });
    session.initialized();
    expect(refusal(() => session.admit('process/start'))).to.equal(undefined);
  });

  it('takes initialize once', () => {
    const session = new Session();
    session.initialize();
    expect(refusal(() => session.initialize())).to.deep.equal({ kind: 'alreadyInitialized' });
    session.initialized();
    expect(refusal(() => session.initialize())).to.deep.equal({ kind: 'alreadyInitialized' });
    expect(refusal(() => session.admit('process/start'))).to.equal(undefined);
  });

  it('takes no notice of an initialized that comes too early, or twice', () => {
    const session = new Session();
    session.initialized();
    expect(refusal(() => session.admit('process/start'))).to.include({ missing: 'initialize' });
    session.initialize();
    expect(refusal(() => session.admit('process/start'))).to.include({ missing: 'initialized' });
    session.initialized();
    session.initialized();
    expect(refusal(() => session.admit('process/start'))).to.equal(undefined);
  });
});
