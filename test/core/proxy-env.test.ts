import { expect } from 'chai';
import { hasProxy, type ProxyFacts, proxyVariables } from '../../src/core/proxy-env.ts';

const HTTP = 'http://user:pw@proxy:3128';
const SOCKS = 'socks5h://proxy:1080';
const DEFAULT_NO_PROXY = 'localhost,127.0.0.1,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16';

const all = (names: string, value: string) => Object.fromEntries(names.split(' ').map(name => [name, value]));

const http = (url: string) =>
  all(
    'HTTP_PROXY http_proxy HTTPS_PROXY https_proxy WS_PROXY ws_proxy WSS_PROXY wss_proxy ' +
      'npm_config_http_proxy NPM_CONFIG_HTTP_PROXY npm_config_https_proxy NPM_CONFIG_HTTPS_PROXY ' +
      'npm_config_proxy NPM_CONFIG_PROXY YARN_HTTP_PROXY YARN_HTTPS_PROXY BUNDLE_HTTP_PROXY BUNDLE_HTTPS_PROXY ' +
      'PIP_PROXY DOCKER_HTTP_PROXY DOCKER_HTTPS_PROXY',
    url,
  );
const other = (url: string) => all('ALL_PROXY all_proxy FTP_PROXY ftp_proxy', url);
const exceptions = (text: string) =>
  all('NO_PROXY no_proxy npm_config_noproxy NPM_CONFIG_NOPROXY YARN_NO_PROXY BUNDLE_NO_PROXY', text);
const SWITCHES = {
  ELECTRON_GET_USE_PROXY: 'true',
  NODE_USE_ENV_PROXY: '1',
  CODEX_NETWORK_PROXY_ACTIVE: '1',
  CODEX_NETWORK_ALLOW_LOCAL_BINDING: '0',
};

describe('proxyVariables', () => {
  const cases: Array<[title: string, facts: ProxyFacts, variables: object]> = [
    ['sets nothing without a proxy', { noProxy: ['localhost'], allowLocalBinding: true }, {}],
    [
      'sets all variables to an HTTP proxy',
      { proxyUrl: HTTP },
      { ...http(HTTP), ...other(HTTP), ...exceptions(DEFAULT_NO_PROXY), ...SWITCHES },
    ],
    [
      'sends what is not HTTP to a SOCKS endpoint, which looks up host names',
      { proxyUrl: HTTP, socksProxyUrl: 'socks5://proxy:1080' },
      { ...http(HTTP), ...other(SOCKS), ...exceptions(DEFAULT_NO_PROXY), ...SWITCHES },
    ],
    [
      'sets no variable for HTTP to a proxy that speaks SOCKS only',
      { proxyUrl: 'SOCKS5://proxy:1080' },
      { ...other(SOCKS), ...exceptions(DEFAULT_NO_PROXY), ...SWITCHES },
    ],
    [
      'accepts a SOCKS endpoint alone',
      { socksProxyUrl: SOCKS },
      { ...other(SOCKS), ...exceptions(DEFAULT_NO_PROXY), ...SWITCHES },
    ],
    [
      'sets the exceptions of the caller, and if processes may listen',
      { proxyUrl: HTTP, noProxy: ['localhost', '', '.internal'], allowLocalBinding: true },
      {
        ...http(HTTP),
        ...other(HTTP),
        ...exceptions('localhost,.internal'),
        ...SWITCHES,
        CODEX_NETWORK_ALLOW_LOCAL_BINDING: '1',
      },
    ],
    [
      'sets default exceptions for an empty list',
      { proxyUrl: HTTP, noProxy: [' '] },
      { ...http(HTTP), ...other(HTTP), ...exceptions(DEFAULT_NO_PROXY), ...SWITCHES },
    ],
  ];
  for (const [title, facts, variables] of cases) {
    it(title, () => {
      expect(proxyVariables(facts)).to.deep.equal(variables);
      expect(hasProxy(facts)).to.equal(Object.keys(variables).length > 0);
    });
  }

  for (const url of [
    '',
    'proxy:3128',
    'localhost:3128',
    'ftp://proxy',
    'socks4://proxy:1',
    'http://',
    'http:proxy',
  ]) {
    it(`refuses ${JSON.stringify(url)} without repeating it`, () => {
      expect(() => proxyVariables({ proxyUrl: url })).to.throw(
        TypeError,
        /^proxyUrl: expected a URL that begins with http, https, socks5 or socks5h and :\/\/, received another string$/,
      );
    });
  }

  it('refuses an endpoint for SOCKS of another kind', () => {
    expect(() => proxyVariables({ proxyUrl: HTTP, socksProxyUrl: HTTP })).to.throw(
      TypeError,
      /^socksProxyUrl: expected a URL that begins with socks5 or socks5h and :\/\/, received another string$/,
    );
  });
});
