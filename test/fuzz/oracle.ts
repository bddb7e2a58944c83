import type * as z from 'zod/mini';
import { errorKinds } from '../../src/protocol/errors.ts';
import { requests, serverNotifications } from '../../src/protocol/messages.ts';
import { idText, UNKNOWN } from './expected-answers.ts';
import { asObject, type Received } from './frames.ts';
import { Ledger } from './ledger.ts';
import { CANARY } from './paths.ts';
import type { Framing } from './script.ts';
import { StreamOrder } from './stream-order.ts';

/** A fault of the server: its kind, and the evidence. */
export type Finding = { readonly kind: string; readonly text: string };

/** Checks everything that a server sends against the protocol. */
export class Oracle {
  readonly ledger = new Ledger();
  readonly findings: Finding[] = [];
  /** The number of messages received. */
  count = 0;
  readonly order = new StreamOrder((kind, text) => this.#report(kind, text));
  readonly #framing: Framing;
  readonly #onAnswer: (id: string, message: Readonly<Record<string, unknown>>) => void;

  constructor(framing: Framing, onAnswer: (id: string, message: Readonly<Record<string, unknown>>) => void) {
    this.#framing = framing;
    this.#onAnswer = onAnswer;
  }

  received({ message, text }: Received): void {
    this.count += 1;
    if (text.includes(CANARY)) this.#report('value', `a value of a variable is in ${shortened(text)}`);
    const batch = Array.isArray(message);
    const entries: unknown[] = batch ? message : [message];
    const answers = entries.filter(entry => asObject(entry)?.method === undefined).map(asObject);
    if (answers.length < entries.length) {
      if (batch) this.#report('answer', `a notification in a batch: ${shortened(text)}`);
      else this.#notified(asObject(message) ?? {});
      return;
    }
    this.#answered(answers, batch, text);
  }

  /** Checks the stderr of the server. */
  logged(stderr: string): void {
    if (/internal error/i.test(stderr)) this.#report('internal', shortened(stderr));
    else if (/^ +at /m.test(stderr)) this.#report('stack', shortened(stderr));
    if (stderr.includes(CANARY))
      this.#report('value', `a value of a variable is on stderr: ${shortened(stderr)}`);
    const stray = stderr.split('\n').find(line => line !== '' && !line.startsWith('exec-server: '));
    if (stray !== undefined) this.#report('stderr', shortened(stray));
  }

  #answered(
    answers: ReadonlyArray<Readonly<Record<string, unknown>> | undefined>,
    batch: boolean,
    text: string,
  ): void {
    const ids = answers.map(answer => idText(answer?.id, this.#framing));
    const methods = this.ledger.received(ids, batch);
    if (methods === undefined) this.#report('answer', `an answer without a request: ${shortened(text)}`);
    answers.forEach((answer, at) => {
      const problem = problemOf(answer, methods?.[at]);
      if (problem !== undefined) this.#report(problem.kind, `${problem.text}: ${shortened(text)}`);
      if (answer !== undefined) this.#onAnswer(ids[at] ?? UNKNOWN, answer);
    });
  }

  #notified(message: Readonly<Record<string, unknown>>): void {
    const spec = Object.values(serverNotifications).find(({ method }) => method === message.method);
    if (spec === undefined) {
      this.#report('notification', `unknown: ${shortened(JSON.stringify(message))}`);
      return;
    }
    const problem = mismatch(spec.params, message.params);
    if (problem !== undefined) this.#report('notification', `${message.method}: ${problem}`);
    else this.order.notified(spec.method, asObject(message.params) ?? {});
  }

  #report(kind: string, text: string): void {
    this.findings.push({ kind, text });
  }
}

const results = new Map(Object.values(requests).map(({ method, result }) => [method as string, result]));

const problemOf = (
  answer: Readonly<Record<string, unknown>> | undefined,
  method: string | undefined,
): Finding | undefined => {
  if (answer?.jsonrpc !== '2.0') return { kind: 'answer', text: 'not JSON-RPC 2.0' };
  if (answer.error === undefined) {
    const result = method === undefined ? undefined : results.get(method);
    const problem = result && mismatch(result, answer.result);
    if (!('result' in answer)) return { kind: 'answer', text: 'neither result nor error' };
    return problem === undefined ? undefined : { kind: 'result', text: `${method}: ${problem}` };
  }
  const { code, message, data } = asObject(answer.error) ?? {};
  const kind = asObject(data)?.kind;
  if (typeof message !== 'string') return { kind: 'error', text: 'an error without a message' };
  if (kind === 'internal') return { kind: 'internal', text: `an internal error of ${method}` };
  const declared = Object.entries(errorKinds).find(([name]) => name === kind);
  return declared?.[1] === code ? undefined : { kind: 'error', text: 'an error of an undeclared kind' };
};

const mismatch = (schema: z.ZodMiniType, value: unknown): string | undefined => {
  const parsed = schema.safeParse(value);
  return parsed.success ? undefined : JSON.stringify(parsed.error.issues).slice(0, 300);
};

const shortened = (text: string): string => (text.length > 600 ? `${text.slice(0, 600)}…` : text);
