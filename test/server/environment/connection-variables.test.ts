import { expect } from 'chai';
import {
  ConnectionVariables,
  connectionVariables,
  parseConnectionVariables,
} from '../../../src/server/environment/connection-variables.ts';

const FIRST = { SSH_AUTH_SOCK: '/first', DISPLAY: ':1', HOME: '/home' };

describe('ConnectionVariables', () => {
  it('returns the same environment before a resume', () => {
    const env = { ...FIRST };
    expect(new ConnectionVariables(FIRST).applyTo(env)).to.equal(env);
  });

  it('replaces, removes and adds values of the first connection', () => {
    const variables = new ConnectionVariables(FIRST);
    variables.update({ SSH_AUTH_SOCK: '/second', SSH_CLIENT: 'client', HOME: '/other' });
    expect(variables.applyTo(FIRST)).to.deep.equal({
      SSH_AUTH_SOCK: '/second',
      SSH_CLIENT: 'client',
      HOME: '/home',
    });
    variables.update({ DISPLAY: ':3' });
    expect(variables.applyTo(FIRST)).to.deep.equal({ DISPLAY: ':3', HOME: '/home' });
  });

  it('keeps a value that a start-up file has set', () => {
    const variables = new ConnectionVariables(FIRST);
    variables.update({ SSH_AUTH_SOCK: '/second', DISPLAY: ':2' });
    expect(variables.applyTo({ SSH_AUTH_SOCK: '/of-a-file', DISPLAY: ':1' })).to.deep.equal({
      SSH_AUTH_SOCK: '/of-a-file',
      DISPLAY: ':2',
    });
  });
});

describe('connectionVariables', () => {
  it('selects those that belong to a connection', () => {
    expect(connectionVariables(FIRST)).to.deep.equal({ SSH_AUTH_SOCK: '/first', DISPLAY: ':1' });
  });
});

describe('parseConnectionVariables', () => {
  it('ignores other names, and values that are no text of a variable', () => {
    const message = { PATH: '/evil', DISPLAY: ':1', SSH_TTY: 7, SSH_CLIENT: 'a\0b' };
    expect(parseConnectionVariables(message)).to.deep.equal({ DISPLAY: ':1' });
    for (const nothing of [undefined, null, 'text', 3])
      expect(parseConnectionVariables(nothing)).to.deep.equal({});
  });
});
