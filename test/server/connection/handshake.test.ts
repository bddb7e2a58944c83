import { expect } from 'chai';
import { ExecServerError } from '../../../src/protocol/errors.ts';
import { Handshake } from '../../../src/server/connection/handshake.ts';

/** Data of the error that is thrown. */
const refusal = (act: () => void): unknown => {
  try {
    act();
  } catch (error) {
    expect(error).to.be.instanceOf(ExecServerError);
    return (error as ExecServerError).data;
  }
  return undefined;
};

describe('Handshake', () => {
  it('admits only initialize at first, and names it as missing', () => {
    const handshake = new Handshake();
    expect(refusal(() => handshake.admit('initialize'))).to.equal(undefined);
    expect(refusal(() => handshake.admit('process/start'))).to.deep.equal({
      kind: 'notInitialized',
      missing: 'initialize',
    });
  });

  it('admits no other request until the client has sent initialized', () => {
    const handshake = new Handshake();
    handshake.initialize();
    expect(refusal(() => handshake.admit('process/start'))).to.deep.equal({
      kind: 'notInitialized',
      missing: 'initialized',
    });
    handshake.initialized();
    expect(refusal(() => handshake.admit('process/start'))).to.equal(undefined);
  });

  it('refuses a second initialize', () => {
    const handshake = new Handshake();
    handshake.initialize();
    expect(refusal(() => handshake.initialize())).to.deep.equal({ kind: 'alreadyInitialized' });
    handshake.initialized();
    expect(refusal(() => handshake.initialize())).to.deep.equal({ kind: 'alreadyInitialized' });
    expect(refusal(() => handshake.admit('process/start'))).to.equal(undefined);
  });

  it('ignores an initialized that comes too early or twice', () => {
    const handshake = new Handshake();
    handshake.initialized();
    expect(refusal(() => handshake.admit('process/start'))).to.include({ missing: 'initialize' });
    handshake.initialize();
    expect(refusal(() => handshake.admit('process/start'))).to.include({ missing: 'initialized' });
    handshake.initialized();
    handshake.initialized();
    expect(refusal(() => handshake.admit('process/start'))).to.equal(undefined);
  });
});
