import type { Env } from '../shared-config/index.ts';

/** A network proxy that processes must use. */
export type ProxyFacts = {
  /** The proxy as a URL: `http`, `https`, or `socks5` and `socks5h` for one that speaks SOCKS only. */
  readonly proxyUrl?: string;
  /** A SOCKS endpoint of the same proxy, as a URL: programs use it for what is not HTTP. */
  readonly socksProxyUrl?: string;
  /**
   * Hosts and networks that are reached without the proxy. Default, also for an empty list: this machine and the private
   * networks of IPv4.
   */
  readonly noProxy?: readonly string[];
  /** True if processes may listen on this machine. Default: false. */
  readonly allowLocalBinding?: boolean;
};

/** Returns true if there is a proxy. */
export const hasProxy = ({ proxyUrl, socksProxyUrl }: ProxyFacts): boolean =>
  proxyUrl !== undefined || socksProxyUrl !== undefined;

/**
 * Patterns of the names that a process must not inherit if there is a proxy: with any of them it would bypass the proxy,
 * as with `GLOBAL_AGENT_HTTP_PROXY` or `npm_config_noproxy`.
 */
export const PROXY_PATTERNS = ['*_PROXY', '*_NOPROXY', 'CODEX_NETWORK_*'] as const;

/**
 * Returns the variables by which programs find a proxy; none without one. Many programs read a name in one case only
 * (curl: `http_proxy`), and few accept SOCKS in the variables for HTTP.
 *
 * @throws {TypeError} for a URL of another kind; it does not repeat the URL, which can hold a password
 */
export const proxyVariables = (facts: ProxyFacts): Env => {
  if (!hasProxy(facts)) return {};
  const { http, socks } = endpointsOf(facts);
  return {
    ...(http !== undefined && allTo(http, HTTP_NAMES)),
    ...allTo((socks ?? http) as string, OTHER_NAMES),
    ...allTo(exceptionsOf(facts), NO_PROXY_NAMES),
    ...PROXY_SWITCHES,
    CODEX_NETWORK_ALLOW_LOCAL_BINDING: facts.allowLocalBinding ? '1' : '0',
  };
};

const HTTP_NAMES = [
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'http_proxy',
  'https_proxy',
  'WS_PROXY',
  'WSS_PROXY',
  'ws_proxy',
  'wss_proxy',
  'npm_config_http_proxy',
  'npm_config_https_proxy',
  'npm_config_proxy',
  'NPM_CONFIG_HTTP_PROXY',
  'NPM_CONFIG_HTTPS_PROXY',
  'NPM_CONFIG_PROXY',
  'YARN_HTTP_PROXY',
  'YARN_HTTPS_PROXY',
  'BUNDLE_HTTP_PROXY',
  'BUNDLE_HTTPS_PROXY',
  'PIP_PROXY',
  'DOCKER_HTTP_PROXY',
  'DOCKER_HTTPS_PROXY',
];

const OTHER_NAMES = ['ALL_PROXY', 'all_proxy', 'FTP_PROXY', 'ftp_proxy'];

const NO_PROXY_NAMES = [
  'NO_PROXY',
  'no_proxy',
  'npm_config_noproxy',
  'NPM_CONFIG_NOPROXY',
  'YARN_NO_PROXY',
  'BUNDLE_NO_PROXY',
];

/** Variables without which some programs ignore the others. */
const PROXY_SWITCHES = {
  ELECTRON_GET_USE_PROXY: 'true',
  NODE_USE_ENV_PROXY: '1',
  CODEX_NETWORK_PROXY_ACTIVE: '1',
};

const allTo = (value: string, names: readonly string[]): Env =>
  Object.fromEntries(names.map(name => [name, value]));

const endpointsOf = ({ proxyUrl, socksProxyUrl }: ProxyFacts) => {
  const [main, mainIsSocks] = endpoint('proxyUrl', proxyUrl);
  const [other, otherIsSocks] = endpoint('socksProxyUrl', socksProxyUrl);
  if (other !== undefined && !otherIsSocks) throw unexpectedUrl('socksProxyUrl', 'socks5 or socks5h');
  return { http: mainIsSocks ? undefined : main, socks: other ?? (mainIsSocks ? main : undefined) };
};

/** A URL as programs expect it: `socks5h` leaves the lookup of host names to the proxy. */
const endpoint = (
  field: string,
  url: string | undefined,
): readonly [url: string | undefined, socks: boolean] => {
  if (url === undefined) return [undefined, false];
  const [, scheme = ''] = /^([a-z0-9]+):\/\/[^/]/i.exec(URL.canParse(url) ? url : '') ?? [];
  if (/^socks5h?$/i.test(scheme)) return [`socks5h${url.slice(scheme.length)}`, true];
  if (!/^https?$/i.test(scheme)) throw unexpectedUrl(field, 'http, https, socks5 or socks5h');
  return [url, false];
};

const unexpectedUrl = (field: string, schemes: string): TypeError =>
  new TypeError(`${field}: expected a URL that begins with ${schemes} and ://, received another string`);

// An empty list would send even requests to this machine through the proxy.
const exceptionsOf = ({ noProxy = [] }: ProxyFacts): string =>
  noProxy.filter(entry => entry.trim() !== '').join(',') || DEFAULT_NO_PROXY;

/** Literal addresses only: a host name would have to be looked up here, not by the proxy. */
const DEFAULT_NO_PROXY = 'localhost,127.0.0.1,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16';
