import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A tool call of the model, one per turn. */
export type ToolCall = { readonly name: string; readonly arguments: object };

/** One turn of the script: receives the outputs of all calls so far; `undefined` ends the conversation. */
export type Step = (outputs: readonly string[]) => ToolCall | undefined;

/** A scripted model, with the part of the Responses API that Codex needs. */
export type Model = {
  /** Base URL for a provider. */
  readonly url: string;
  /** The outputs of all calls, in order. */
  readonly outputs: readonly string[];
  close(): Promise<void>;
};

/**
 * Starts a scripted model on loopback.
 *
 * @param steps one for each turn; after the last one the model ends the conversation
 */
export const startModel = async (steps: readonly Step[]): Promise<Model> => {
  const outputs: string[] = [];
  let turn = 0;
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    if (request.method !== 'POST' || !request.url?.endsWith('/responses')) {
      response.writeHead(404).end();
      return;
    }
    outputs.splice(0, Number.POSITIVE_INFINITY, ...outputsIn(body));
    const call = steps[turn]?.(outputs);
    turn += 1;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(eventsOf(`turn-${turn}`, call));
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    outputs,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

type Item = { readonly type: string; readonly output?: string };

/** The outputs of calls in a request, in order. */
const outputsIn = (body: string): string[] =>
  (JSON.parse(body) as { input: Item[] }).input
    .filter(({ type }) => type.endsWith('_call_output'))
    .map(({ output }) => (typeof output === 'string' ? output : JSON.stringify(output)));

const eventsOf = (id: string, call: ToolCall | undefined): string => {
  const item = call
    ? {
        type: 'function_call',
        id: `item-${id}`,
        call_id: `call-${id}`,
        name: call.name,
        arguments: JSON.stringify(call.arguments),
      }
    : { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'done' }] };
  const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2 };
  return [
    { type: 'response.created', response: { id } },
    { type: 'response.output_item.done', output_index: 0, item },
    { type: 'response.completed', response: { id, usage } },
  ]
    .map(event => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    .join('');
};
