import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { errorKinds } from '../../src/protocol/errors.ts';
import { clientNotifications, requests, serverNotifications } from '../../src/protocol/messages.ts';

type Wire = {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly data: { readonly kind: keyof typeof errorKinds } };
};

const page = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');

/** The messages of the sample session in one direction. */
const messages = (arrow: '→' | '←'): Wire[] =>
  Array.from(page.matchAll(new RegExp(`^${arrow} (\\{.*\\})$`, 'gm')), ([, json = '']) => JSON.parse(json));

const byMethod = <Spec extends { readonly method: string }>(specs: Readonly<Record<string, Spec>>) =>
  new Map(Object.values(specs).map(spec => [spec.method, spec]));

describe('the sample session in docs/protocol.md', () => {
  const calls = byMethod(requests);
  const fromClient = byMethod(clientNotifications);
  const fromServer = byMethod(serverNotifications);

  it('has requests and notifications of the client as declared', () => {
    for (const { id, method = '', params = {} } of messages('→')) {
      const spec = id === undefined ? fromClient.get(method) : calls.get(method);
      expect(spec?.params.safeParse(params).error, method).to.equal(undefined);
      expect(spec, method).not.to.equal(undefined);
    }
  });

  it('has answers and errors as declared', () => {
    const methods = new Map(messages('→').map(({ id, method = '' }) => [id, method]));
    const answers = messages('←').filter(({ method }) => method === undefined);
    expect(answers).to.have.lengthOf(messages('→').filter(({ id }) => id !== undefined).length);
    for (const { id, result, error } of answers) {
      const method = methods.get(id) ?? '';
      if (error) expect(error.code).to.equal(errorKinds[error.data.kind]);
      else expect(calls.get(method)?.result.safeParse(result).error, method).to.equal(undefined);
    }
  });

  it('has notifications of the server as declared, with every seq of each process', () => {
    const told = messages('←').filter(({ method }) => method !== undefined);
    for (const { method = '', params } of told) {
      expect(fromServer.get(method)?.params.safeParse(params).error, method).to.equal(undefined);
    }
    expect(told.map(({ params }) => (params as { seq: number }).seq)).to.deep.equal([1, 2, 3, 1, 2, 3]);
  });
});
