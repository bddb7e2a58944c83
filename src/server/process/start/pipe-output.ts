import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { MIN_OUTPUT_WINDOW_BYTES } from '../../../protocol/limits.ts';

/**
 * Opens our end of a pipe that a child writes. The bytes of a `data` event are valid only while it is handled: all pipes
 * are read into one buffer, because a buffer for each read makes a busy server grow until they are collected.
 */
export const pipeOutput = (fd: number): Socket => {
  const options: Options = {
    fd,
    readable: true,
    writable: false,
    onread: {
      buffer: READ_BUFFER,
      callback: (length, bytes) => {
        socket.emit('data', bytes.subarray(0, length));
        return true;
      },
    },
  };
  const socket = new Socket(options);
  // Otherwise it would read before there is a listener, and lose the bytes.
  socket.pause();
  return socket;
};

// `onread` is an option of each socket, but its type has it only for those that connect.
type Options = SocketConstructorOpts & { readonly onread: OnReadOpts };

// The capacity of a pipe on Linux. A read also has to fit the smallest credit window.
const READ_BUFFER = Buffer.allocUnsafeSlow(MIN_OUTPUT_WINDOW_BYTES);
