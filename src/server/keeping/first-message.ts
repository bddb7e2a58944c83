import type { Socket } from 'node:net';
import { parseMessage } from '../../protocol/framing/message-parser.ts';
import { splitFrame } from '../../protocol/framing/split-frame.ts';

/** Longest first message between a session and a connection that joins it. */
const MAX_BYTES = 1024 * 1024;

/**
 * Reads the first message of a socket. What follows it stays in the socket, which is paused.
 *
 * @returns `undefined` if the socket ends before, or sends something else
 */
export const firstMessage = (socket: Socket): Promise<unknown> =>
  new Promise(resolve => {
    let received: Buffer = Buffer.alloc(0);
    const settle = (message: unknown) => {
      socket.off('data', data).off('close', end).pause();
      resolve(message);
    };
    const end = () => settle(undefined);
    const data = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const frame = splitFrame(received, MAX_BYTES);
      if (frame === undefined) return;
      settle(frame === 'invalid' ? undefined : parsed(frame.body));
      if (frame !== 'invalid' && frame.rest.length > 0) socket.unshift(frame.rest);
    };
    socket.on('data', data).on('close', end);
  });

/** Parses a message; `undefined` for anything else. */
export const parsed = (body: Buffer): unknown => {
  try {
    return parseMessage(body);
  } catch {
    return undefined;
  }
};
