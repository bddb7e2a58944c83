import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Answers a question of ssh: a password, the passphrase of a key, the confirmation of an unknown host key.
 *
 * @param prompt the text of ssh
 * @returns the answer, such as `yes` for a host key; `undefined` to refuse
 */
export type Askpass = (prompt: string) => string | undefined | Promise<string | undefined>;

/** A running service that answers the questions of one ssh. */
export type AskpassService = {
  /** Variables for ssh. */
  readonly env: Readonly<Record<string, string>>;
  close(): void;
};

/**
 * Passes the questions of ssh to a function, by SSH_ASKPASS: ssh runs a program with the question, which gets the answer
 * through a socket in a private directory. Needs OpenSSH 8.4 or later.
 *
 * @throws {Error} on Windows, where ssh cannot run the program
 */
export const startAskpass = async (askpass: Askpass): Promise<AskpassService> => {
  if (process.platform === 'win32') throw new Error('askpass: is not supported on Windows');
  const directory = mkdtempSync(join(tmpdir(), 'exec-server-askpass-'));
  const socket = join(directory, 'socket');
  const program = join(directory, 'askpass');
  writeFileSync(program, PROGRAM);
  chmodSync(program, 0o700);
  const server = createServer({ allowHalfOpen: true }, connection => void answer(connection, askpass));
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socket, resolve));
  server.unref();
  return {
    env: {
      SSH_ASKPASS: program,
      SSH_ASKPASS_REQUIRE: 'force',
      EXEC_SERVER_ASKPASS_NODE: process.execPath,
      EXEC_SERVER_ASKPASS_SOCKET: socket,
    },
    close: () => {
      server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
};

/** Sends the question and prints the answer, which begins with `+`; without an answer it fails. */
const CLIENT = `
const [, path, question] = process.argv;
const socket = require('node:net').connect(path);
let answer = '';
socket.on('data', chunk => { answer += chunk; });
socket.on('error', () => process.exit(1));
socket.on('end', () => {
  if (!answer.startsWith('+')) process.exit(1);
  process.stdout.write(answer.slice(1) + '\\n');
});
socket.end(question);
`;

// In an Electron program, execPath is Electron.
const PROGRAM = `#!/bin/sh
export ELECTRON_RUN_AS_NODE=1
exec "$EXEC_SERVER_ASKPASS_NODE" -e '${CLIENT.replaceAll("'", "'\\''")}' -- "$EXEC_SERVER_ASKPASS_SOCKET" "$1"
`;

const answer = async (connection: Socket, askpass: Askpass): Promise<void> => {
  connection.on('error', () => {});
  try {
    const reply = await askpass(await questionOf(connection));
    connection.end(reply === undefined ? '' : `+${reply}`);
  } catch {
    connection.end();
  }
};

/** Reads up to the end of the input; the answer is written afterwards. */
const questionOf = async (connection: Socket): Promise<string> => {
  let question = '';
  connection.setEncoding('utf8').on('data', chunk => {
    question += chunk;
  });
  await once(connection, 'end');
  return question;
};
