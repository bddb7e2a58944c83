import { expect } from 'chai';
import fc from 'fast-check';
import { SECRET_SHAPES, secretShape } from '../../src/shared-config/secret-values.ts';

const x = (count: number, character = 'x') => character.repeat(count);

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

const JWT = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded({ sub: '1' })}.${x(43)}`;

/** Values that hold a secret. None is real: their random parts are all one character. */
const secrets: Record<string, readonly string[]> = {
  'url-password': [
    'postgres://me:planted@db.internal:5432/app?sslmode=require',
    'redis://:planted@cache:6379/0',
    'mongodb+srv://me:p%40ss@cluster.example.com',
    'http://me:planted@proxy:3128',
    'smtp://me@example.com:planted@mail.example.com',
    'jdbc:mysql://me:planted@db/app',
    '-Dhttp.proxy=http://me:planted@proxy -Dx=y',
    '{"url":"amqp://me:planted@queue"}',
    'https://me:a:b@host',
  ],
  'private-key': [
    '-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n',
    '-----BEGIN RSA PRIVATE KEY-----\nMII',
    '-----BEGIN OPENSSH PRIVATE KEY-----\nb3B',
    '-----BEGIN ENCRYPTED PRIVATE KEY-----\\nMII',
    '-----BEGIN PGP PRIVATE KEY BLOCK-----\n',
    '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY-----\n',
  ],
  'github-token': [...'oprsu'].map(kind => `gh${kind}_${x(36)}`).concat(`github_pat_${x(22)}_${x(59)}`),
  'gitlab-token': ['glpat', 'gldt', 'glrt', 'glrtr', 'glcbt', 'glptt', 'glsoat'].map(
    kind => `${kind}-${x(20)}`,
  ),
  'slack-token': [
    `xoxb-${x(12, '1')}-${x(12, '1')}-${x(24)}`,
    `xoxp-${x(30)}`,
    `xoxe.xoxp-1-${x(30)}`,
    `xapp-1-A${x(20)}`,
  ],
  'aws-access-key': [`AKIA${x(16, 'X')}`, `ASIA${x(16, '2')}`, `id=AKIA${x(16, 'X')}:secret`],
  'google-api-key': [`AIza${x(35)}`],
  'openai-key': [`sk-${x(48)}`, `sk-proj-${x(40)}`, `sk-svcacct-${x(40)}`, `sk-admin-${x(40)}`],
  'anthropic-key': [`sk-ant-api03-${x(93)}AA`, `sk-ant-admin01-${x(93)}AA`],
  'stripe-key': [`sk_live_${x(24)}`, `rk_live_${x(24)}`, `sk_test_${x(24)}`],
  'npm-token': [`npm_${x(36)}`, `//registry.npmjs.org/:_authToken=npm_${x(36)}`],
  'pypi-token': [`pypi-AgEIcHlwaS5vcmc${x(60)}`],
  'hugging-face-token': [`hf_${x(34)}`, `api_org_${x(34)}`],
  'sendgrid-key': [`SG.${x(22)}.${x(43)}`],
  'digitalocean-token': [...'opr'].map(kind => `do${kind}_v1_${x(64, 'a')}`),
  'vault-token': [`hvs.${x(24)}`, `hvb.${x(90)}`, `hvr.${x(24)}`],
  'json-web-token': [
    JWT,
    `Bearer ${JWT}`,
    `https://host/callback#id_token=${JWT}&x=1`,
    `a.b.${JWT}`,
    // Not signed, and encrypted with a key agreed on: parts of them are empty.
    `${encoded({ alg: 'none' })}.${encoded({ sub: '1' })}.`,
    `${encoded({ alg: 'dir', enc: 'A128GCM' })}..${x(16)}.${x(40)}.${x(22)}`,
    `${Buffer.from('{\r\n "alg": "ES256"}').toString('base64url')}.${encoded({})}.${x(86)}`,
    `${encoded({ alg: 'RS256', kid: 'ключ' })}.${encoded({})}.${x(342)}`,
  ],
};

/** Values that look like something, and aren't secret. */
const harmless: readonly string[] = [
  '',
  '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/home/me/.nvm/versions/node/v20.20.2/bin',
  'C:\\Program Files\\nodejs\\;C:\\Windows\\system32;C:\\Users\\me\\AppData\\Local\\Microsoft\\WindowsApps',
  'rs=0:di=01;34:ln=01;36:mh=00:pi=40;33:so=01;35:do=01;35:bd=40;33;01:*.tar=01;31:*.tgz=01;31:*~=00;90',
  'unix:path=/run/user/1000/bus,guid=0123456789abcdef0123456789abcdef',
  '/tmp/ssh-XXXXXXabcdef/agent.1234',
  '192.0.2.1 50000 192.0.2.2 22',
  '/usr/local/share/:/usr/share/',
  'ubuntu:GNOME',
  '\\[\\e]0;\\u@\\h: \\w\\a\\]\\u@\\h:\\w\\$ ',
  '() {  local x=1;\n echo "me:you@there"\n}',
  'file:///home/me/a:b@c',
  'https://example.com',
  'https://me@example.com/path',
  'https://example.com:8443/a:b@c',
  'http://proxy.example.com:3128',
  'http://[2001:db8::1]:3128/',
  'https://cdn.example.com/npm/pkg@1.2.3/dist:x@y',
  'https://example.com?next=a:b@c',
  'https://example.com#a:b@c',
  'ssh://git@github.com:22/me/repo.git',
  'git@github.com:me/repo.git',
  'redis://cache:6379/0',
  'postgres://localhost:5432/app?user=me@example.com',
  'me://:@host',
  'docker://alpine:3.19@sha256:0123456789abcdef',
  'a:b@c',
  '{"url":"http://host","mail":"me:you@there"}',
  '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----',
  '-----BEGIN PUBLIC KEY-----\nMII\n-----END PUBLIC KEY-----',
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI me@host',
  'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU',
  '0123456789abcdef0123456789abcdef01234567',
  'f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
  'sk_SK.UTF-8',
  'sk-SK',
  'task-proj-management-and-other-things-too',
  '/opt/sk-learn-contrib/lib/python3.12/site-packages/some-long-name',
  `risk_live_${x(30)}`,
  'npm_config_registry and npm_package_name and npm_lifecycle_event_and_more_text',
  'npm/10.8.2 node/v20.20.2 linux x64 workspaces/false',
  'pypi-mirror.example.com',
  'hf_home and hf_hub_cache',
  'SG.EXAMPLE.COM',
  'sk_live',
  `pk_live_${x(24)}`,
  `AKIA${x(16, 'X')}Y`,
  `MAKIA${x(16, 'X')}`,
  'ghp_short',
  'eyes.of.the.world',
  `${encoded({ typ: 'JWT', list: ['no algorithm'] })}.${encoded({})}.${x(43)}`,
  `${encoded(['alg'])}.${encoded({})}.${x(43)}`,
  `${encoded('"alg"')}.a.b`,
  `${Buffer.from('{"alg"').toString('base64url')}.a.b`,
  `${encoded({ alg: 'HS256' })}`,
  `${encoded({ alg: 'HS256' })}.${encoded({})}`,
];

/** What a value is made of that a search for each shape might stumble over. */
const pieces = [
  ...[
    '://',
    ':',
    '@',
    '/',
    'a',
    'a://',
    'a://b:',
    ' ',
    '"',
    '.',
    '-',
    '_',
    '=',
    'e',
    'ey',
    'ew',
    'eyJ',
    'eyJa.',
  ],
  ...[
    '-----BEGIN ',
    '-----BEGIN A',
    'PRIVATE',
    'A ',
    'ghp_',
    'github_pat_',
    'gl',
    'glpat-',
    'xoxb-',
    'AKIA',
    'AIza',
  ],
  ...['sk-', 'sk-proj-', 'sk-ant-', 'sk_live_', 'npm_', 'pypi-AgE', 'hf_', 'SG.', 'SG.xx', 'dop_v1_', 'hvs.'],
  ...[
    '{"alg":',
    Buffer.from('{"alg":').toString('base64url'),
    `${Buffer.from('{"alg"[').toString('base64url')}.`,
  ],
];

describe('secretShape', () => {
  for (const [shape, values] of Object.entries(secrets)) {
    it(`finds ${values.length} times a ${shape}, alone and within other text`, () => {
      for (const value of values) {
        expect(secretShape(value), value).to.equal(shape);
        for (const [before, after] of [
          ['--token=', ''],
          ['"', '"'],
          ['a\n', '\nb'],
          [`${x(1000)} `, ' y'],
        ]) {
          expect(secretShape(`${before}${value}${after}`), value).to.equal(shape);
        }
      }
    });
  }

  it('knows every shape of the table by an example', () => {
    expect(Object.keys(secrets)).to.have.members(Object.keys(SECRET_SHAPES));
  });

  for (const value of harmless) {
    it(`finds none in ${JSON.stringify(value.slice(0, 60))}`, () => {
      expect(secretShape(value)).to.equal(undefined);
    });
  }

  it('finds none in an ordinary text of any length', () => {
    const word = fc.string({ unit: fc.constantFrom(...'abcXYZ019 /.,;=_-'), maxLength: 30 });
    fc.assert(
      fc.property(fc.array(word, { maxLength: 20 }), words => {
        expect(secretShape(words.join(':'))).to.equal(undefined);
      }),
    );
  });

  it('finds a secret wherever it is in any value', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', ' ', '\n', '=', ':', '/', '"', 'ü', '😀', '\0'),
      maxLength: 40,
    });
    const secret = fc.constantFrom(...Object.values(secrets).flat());
    fc.assert(
      fc.property(text, secret, text, (before, value, after) => {
        expect(secretShape(`${before} ${value} ${after}`)).to.not.equal(undefined);
      }),
    );
  });

  // Catastrophic backtracking needs a run that can begin and end in many places.
  it('has no repetition of a repetition in a pattern, and runs without a bound only where a run begins once', () => {
    for (const [name, { pattern }] of Object.entries(SECRET_SHAPES)) {
      const unescaped = pattern.source.replace(/\\./g, '_').replace(/\[[^\]]*\]/g, '_');
      expect(unescaped, name).not.to.match(/\)[*+{]/);
      const runs = unescaped.match(/[*+]|\{\d+,\}/g) ?? [];
      if (name !== 'url-password' && name !== 'json-web-token') expect(runs, name).to.deep.equal([]);
    }
  });

  // Trying each pair of places in 128 KiB would take tens of seconds for each of these, all together hours.
  it('comes to an end with 128 KiB of anything that looks like the begin of a secret', () => {
    for (const one of pieces) {
      for (const other of ['', 'a', ':']) {
        const part = `${one}${other}`;
        secretShape(`a://eyJ${part.repeat(Math.ceil((128 * 1024) / part.length))}`);
      }
    }
  });

  it('finds a secret at the end of 128 KiB', () => {
    for (const [shape, [value = '']] of Object.entries(secrets)) {
      expect(secretShape(`${'a b:c/d@'.repeat(16 * 1024)} ${value}`)).to.equal(shape);
    }
  });
});
