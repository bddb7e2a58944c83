// A small agent: a model requests commands, exec-server runs them, and the model reads the results.
import { RequestError, UnifiedExec, UnifiedExecError } from 'exec-server/core';
import { connectEmbedded } from 'exec-server/embedded';

/** A tool call as models write it, with its arguments as JSON text. */
export type ToolCall = { readonly id: string; readonly name: string; readonly arguments: string };

export type Message =
  | { readonly role: 'user'; readonly text: string }
  | { readonly role: 'assistant'; readonly text: string; readonly calls: readonly ToolCall[] }
  | { readonly role: 'tool'; readonly callId: string; readonly text: string };

/** The API of your model: takes the conversation and the tools, returns the next message. */
export type Model = (
  conversation: readonly Message[],
  tools: typeof TOOLS,
) => Promise<{ readonly text: string; readonly calls: readonly ToolCall[] }>;

const wait = { type: 'number', description: 'Time to wait for the end of the command, in ms.' };
const budget = { type: 'integer', description: 'Limit of the returned output, in tokens.' };

/** The two tools as described to the model. Their arguments are those of `UnifiedExec`. */
export const TOOLS = [
  {
    name: 'exec_command',
    description:
      'Runs a shell command. If more output may follow, the result has a sessionId for write_stdin. A server can be started with "&".',
    parameters: {
      type: 'object',
      properties: {
        command: { type: 'string', description: 'The command line.' },
        cwd: { type: 'string', description: 'The directory to run in.' },
        tty: { type: 'boolean', description: 'True to run on a terminal. Needed to write to it later.' },
        yieldTimeMs: wait,
        maxOutputTokens: budget,
      },
      required: ['command'],
    },
  },
  {
    name: 'write_stdin',
    description: 'Writes to a session, or only waits for output, and returns the new output.',
    parameters: {
      type: 'object',
      properties: {
        sessionId: { type: 'integer', description: 'From a result of exec_command.' },
        chars: { type: 'string', description: 'Text to write; \\u0003 is Ctrl-C. Omit it to only wait.' },
        yieldTimeMs: wait,
        maxOutputTokens: budget,
      },
      required: ['sessionId'],
    },
  },
] as const;

/** Runs one call. Mistakes of the model become results; a lost connection is thrown. */
const callTool = async (agent: UnifiedExec, call: ToolCall, signal?: AbortSignal): Promise<string> => {
  try {
    const options = { ...JSON.parse(call.arguments), signal };
    const answer = call.name === 'write_stdin' ? agent.writeStdin(options) : agent.execCommand(options);
    return JSON.stringify(await answer);
  } catch (error) {
    const isMistake = [UnifiedExecError, RequestError, SyntaxError].some(kind => error instanceof kind);
    if (!isMistake) throw error;
    return JSON.stringify({ error: (error as Error).message });
  }
};

/** Lets a model work on a task until it makes no more calls; returns its last text. */
export const solve = async (model: Model, task: string, signal?: AbortSignal): Promise<string> => {
  // On another host: connect(sshServer('devbox')) of exec-server/core. Nothing else changes.
  const client = await connectEmbedded();
  const agent = new UnifiedExec(client, { defaultEnv: { runtime: { threadId: crypto.randomUUID() } } });
  try {
    const conversation: Message[] = [{ role: 'user', text: task }];
    for (;;) {
      const { text, calls } = await model(conversation, TOOLS);
      if (calls.length === 0) return text;
      conversation.push({ role: 'assistant', text, calls });
      const answers = await Promise.all(calls.map(call => callTool(agent, call, signal)));
      for (const [at, { id }] of calls.entries()) {
        conversation.push({ role: 'tool', callId: id, text: answers[at] as string });
      }
    }
  } finally {
    await agent.close();
    await client.close();
  }
};
