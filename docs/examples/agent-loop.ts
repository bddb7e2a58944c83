// A small agent: a model asks for commands, exec-server runs them, and the model reads what came of it.
import { RequestError, UnifiedExec, UnifiedExecError } from 'exec-server/core';
import { connectEmbedded } from 'exec-server/embedded';

/** A call of a tool as models write it: arguments as JSON text. */
export type ToolCall = { readonly id: string; readonly name: string; readonly arguments: string };

export type Message =
  | { readonly role: 'user'; readonly text: string }
  | { readonly role: 'assistant'; readonly text: string; readonly calls: readonly ToolCall[] }
  | { readonly role: 'tool'; readonly callId: string; readonly text: string };

/** Put your model's API here: the conversation and the tools in, its next message out. */
export type Model = (
  conversation: readonly Message[],
  tools: typeof TOOLS,
) => Promise<{ readonly text: string; readonly calls: readonly ToolCall[] }>;

const wait = { type: 'number', description: 'How long to wait for the end of the command, in ms.' };
const budget = { type: 'integer', description: 'How much of the output to answer, in tokens.' };

/** The two tools, as the model is told of them. Their arguments are those of `UnifiedExec`. */
export const TOOLS = [
  {
    name: 'exec_command',
    description:
      'Runs a shell command. If it has not ended in time the answer has a sessionId for write_stdin.',
    parameters: {
      type: 'object',
      properties: {
        command: { type: 'string', description: 'The command line.' },
        cwd: { type: 'string', description: 'The directory to run in.' },
        tty: { type: 'boolean', description: 'Whether to run on a terminal. Needed to type into it later.' },
        yieldTimeMs: wait,
        maxOutputTokens: budget,
      },
      required: ['command'],
    },
  },
  {
    name: 'write_stdin',
    description: 'Types into a session, or only asks it for more output, and answers what is new.',
    parameters: {
      type: 'object',
      properties: {
        sessionId: { type: 'integer', description: 'From an answer of exec_command.' },
        chars: { type: 'string', description: 'What to type; \\u0003 is Ctrl-C. Leave it out to only ask.' },
        yieldTimeMs: wait,
        maxOutputTokens: budget,
      },
      required: ['sessionId'],
    },
  },
] as const;

/** Runs one call; whatever the model did wrong is an answer, too. A lost connection is not the model's to mend. */
const callTool = async (agent: UnifiedExec, call: ToolCall, signal?: AbortSignal): Promise<string> => {
  try {
    const options = { ...JSON.parse(call.arguments), signal };
    const answer = call.name === 'write_stdin' ? agent.writeStdin(options) : agent.execCommand(options);
    return JSON.stringify(await answer);
  } catch (error) {
    const theModels = [UnifiedExecError, RequestError, SyntaxError].some(kind => error instanceof kind);
    if (!theModels) throw error;
    return JSON.stringify({ error: (error as Error).message });
  }
};

/** Lets a model work on a task until it asks for nothing more; returns what it says then. */
export const solve = async (model: Model, task: string, signal?: AbortSignal): Promise<string> => {
  // On another host: connect(sshServer('devbox')) of exec-server/core. The rest stays as it is.
  const client = await connectEmbedded();
  const agent = new UnifiedExec(client, { env: { runtime: { threadId: crypto.randomUUID() } } });
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
