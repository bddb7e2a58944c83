/** The form of one kind of secret. */
type Shape = {
  readonly pattern: RegExp;
  /** Checks a match of the pattern further, where the pattern alone is too weak. */
  readonly confirms?: (found: string) => boolean;
};

/**
 * Returns the name of the first secret shape that occurs anywhere in a value, or `undefined`. Takes time proportional
 * to the length of the value.
 */
export const secretShape = (value: string): string | undefined =>
  Object.entries(SECRET_SHAPES).find(([, shape]) => contains(value, shape))?.[0];

/**
 * The shapes of secrets by name. Each has its source: the issuer's description, or the rule of Gitleaks
 * (config/gitleaks.toml) where the issuer gives only examples.
 *
 * From each position a pattern examines a bounded number of characters. The first and the last shape have unbounded
 * runs, but no such run begins inside another.
 */
export const SECRET_SHAPES: Readonly<Record<string, Shape>> = {
  // RFC 3986, 3.2.1: user and password before the host. A `/` ends them, and also a port. An `@` followed by a
  // digest pins a container image: docker://alpine:3@sha256:…
  'url-password': { pattern: /[A-Za-z0-9+.-]:\/\/[^\s/?#:"]*:[^\s/?#@"]+@(?!sha\d)/ },
  // RFC 7468; PROTOCOL.key of OpenSSH; PGP keys begin the same way. Certificates and public keys are not secret.
  'private-key': { pattern: /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY/ },
  // docs.github.com, "About authentication to GitHub": GitHub's token formats.
  'github-token': { pattern: /(?<![A-Za-z0-9])(?:gh[oprsu]|github_pat)_\w{36}/ },
  // docs.gitlab.com, "GitLab token overview": token prefixes.
  'gitlab-token': {
    pattern: /(?<![A-Za-z0-9])gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct)-[\w-]{20}/,
  },
  // docs.slack.dev, "Tokens".
  'slack-token': { pattern: /(?<![A-Za-z0-9])(?:xox[abeoprs]|xapp)-[A-Za-z0-9.-]{10}/ },
  // AWS Identity and Access Management User Guide, "IAM identifiers": unique ID prefixes.
  'aws-access-key': { pattern: /(?<![A-Za-z0-9])A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])/ },
  // cloud.google.com, "Manage API keys"; Gitleaks: gcp-api-key.
  'google-api-key': { pattern: /(?<![A-Za-z0-9])AIza[\w-]{35}(?![\w-])/ },
  // Gitleaks: openai-api-key.
  'openai-key': { pattern: /(?<![A-Za-z0-9])sk-(?:(?:proj|svcacct|admin)-[\w-]{20}|[A-Za-z0-9]{40})/ },
  // Gitleaks: anthropic-api-key, anthropic-admin-api-key.
  'anthropic-key': { pattern: /(?<![A-Za-z0-9])sk-ant-[\w-]{20}/ },
  // docs.stripe.com, "API keys": secret and restricted ones, live and for tests. `pk_…` is public.
  'stripe-key': { pattern: /(?<![A-Za-z0-9])[rs]k_(?:live|test)_[A-Za-z0-9]{16}/ },
  // github.blog, "Announcing npm's new access token format".
  'npm-token': { pattern: /(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}/ },
  // pypi.org/help, "How can I use API tokens?"; Gitleaks: pypi-upload-token. Macaroons begin this way.
  'pypi-token': { pattern: /(?<![A-Za-z0-9])pypi-AgE[\w-]{50}/ },
  // huggingface.co/docs, "User access tokens"; Gitleaks: huggingface-access-token.
  'hugging-face-token': { pattern: /(?<![A-Za-z0-9])(?:hf|api_org)_[A-Za-z0-9]{34}/ },
  // Gitleaks: sendgrid-api-token.
  'sendgrid-key': { pattern: /(?<![A-Za-z0-9])SG\.[\w-]{22}\.[\w-]{43}/ },
  // docs.digitalocean.com, release note "API token format" of March 2022.
  'digitalocean-token': { pattern: /(?<![A-Za-z0-9])do[opr]_v1_[a-f0-9]{64}/ },
  // developer.hashicorp.com, Vault, "Tokens": token prefixes.
  'vault-token': { pattern: /(?<![A-Za-z0-9])hv[brs]\.[\w-]{24}/ },
  // RFC 7515, 7.1 and RFC 7519: three parts in base64url; only the first cannot be empty. It is a JSON object, so it
  // begins with `ey` or, if a line break follows the brace, with `ew`.
  'json-web-token': {
    pattern: /(?<![\w-])e[wy][\w-]+(?=\.[\w-]*\.)/,
    confirms: header => namesAlgorithm(header),
  },
};

const contains = (value: string, { pattern, confirms }: Shape): boolean => {
  if (confirms === undefined) return pattern.test(value);
  return Array.from(value.matchAll(new RegExp(pattern, 'g'))).some(([found]) => confirms(found));
};

const namesAlgorithm = (part: string): boolean => {
  const text = Buffer.from(part, 'base64url').toString();
  // Most candidates are not tokens, and an exception is slow.
  if (!text.includes('"alg"')) return false;
  try {
    const header: unknown = JSON.parse(text);
    return typeof header === 'object' && header !== null && 'alg' in header;
  } catch {
    return false;
  }
};
