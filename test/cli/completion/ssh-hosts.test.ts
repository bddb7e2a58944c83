import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { sshHosts } from '../../../src/cli/completion/ssh-hosts.ts';

describe('sshHosts', () => {
  let home: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'exec-server-'));
  });

  afterEach(() => rmSync(home, { recursive: true }));

  const write = (name: string, ...lines: string[]): void => {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), lines.map(line => `${line}\n`).join(''));
  };
  const hosts = () => sshHosts(home, join(home, 'etc'));

  it('returns the names of Host entries without patterns, sorted', () => {
    write(
      '.ssh/config',
      'Host devbox b',
      '  HostName 10.1.2.3',
      'host="a c"',
      'HOST *.x !b d?',
      '# Host e',
      'Host=f',
    );
    write('etc/ssh_config', 'Host system');
    expect(hosts()).to.deep.equal(['b', 'devbox', 'f', 'system']);
  });

  it('reads included files, each once', () => {
    write('.ssh/config', 'Include conf.d/* ~/more "/no/such"', 'Host a');
    write('.ssh/conf.d/one', 'Host one', 'Include conf.d/two');
    write('.ssh/conf.d/two', 'Host two', 'Include config');
    write('.ssh/conf.d/.hidden', 'Host hidden');
    write('more', 'Host more');
    expect(hosts()).to.deep.equal(['a', 'more', 'one', 'two']);
  });

  it('returns the names of known_hosts that are not hashed', () => {
    write(
      '.ssh/known_hosts',
      'k,10.0.0.1 ssh-ed25519 AAAA',
      '|1|a=|b= ssh-ed25519 AAAA',
      '@revoked r ssh-rsa AAAA',
      '[p]:22 x y',
    );
    expect(hosts()).to.deep.equal(['10.0.0.1', 'k']);
  });

  it('omits names with characters that a shell interprets', () => {
    write('.ssh/config', 'Host $(touch) a;b -oProxyCommand=x `c` ok');
    expect(hosts()).to.deep.equal(['ok']);
  });

  it('returns nothing without files, and ignores directories', () => {
    expect(hosts()).to.deep.equal([]);
    mkdirSync(join(home, '.ssh/config'), { recursive: true });
    expect(hosts()).to.deep.equal([]);
  });
});
