import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { MIN_OUTPUT_WINDOW_BYTES } from '../../../protocol/limits.ts';

/**
 * Our end of a pipe that a child writes. The bytes of a `data` event are good only while it is handled: all
 * pipes are read into one piece of memory, since memory of its own for each read makes a server that carries
 * much grow by what the garbage collector has not come to yet.
 */
export const pipeOutput = (fd: number): Socket => {
  const options: Options = {
    fd,
    readable: true,
    writable: false,
    onread: {
      buffer: MEMORY,
      callback: (length, bytes) => {
        socket.emit('data', bytes.subarray(0, length));
        return true;
      },
    },
  };
  const socket = new Socket(options);
  // It would begin at once, and keep nothing for whoever listens later.
  socket.pause();
  return socket;
};

// `onread` is an option of every socket, whatever its type says.
type Options = SocketConstructorOpts & { readonly onread: OnReadOpts };

// What a pipe holds on Linux; and no more, since a read has to fit the smallest credit window.
const MEMORY = Buffer.allocUnsafeSlow(MIN_OUTPUT_WINDOW_BYTES);
