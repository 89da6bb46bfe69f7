import { connect, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

const KEEP_ALIVE_DELAY_MS = 60_000;

/**
 * Sockets that send at once. kafkajs leaves Nagle's algorithm on, so that a small request written while another is
 * unanswered (a heartbeat beside a fetch that waits) is held until the broker's delayed acknowledgement, 40 ms.
 */
export const promptSockets: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const name = isIP(host) ? {} : { servername: host };
  const socket = ssl ? connectTls({ ...name, ...ssl, host, port }, onConnect) : connect({ host, port }, onConnect);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
  return socket;
};
