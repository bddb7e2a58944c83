import { encodeText } from '../framing/encode.ts';
import { sessionAck } from '../session.ts';

/** Encodes `session/ack`. */
export const ackFrame = (receivedBytes: number): Buffer => {
  const message = { jsonrpc: '2.0', method: sessionAck.method, params: { bytes: receivedBytes } };
  return encodeText(JSON.stringify(message), 'contentLength');
};
