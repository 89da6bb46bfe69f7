import { type ErrorCode, ERRORS } from '@runspine/contracts';
import { errorText } from '@runspine/service/http';
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

/** How long a caller has to read the answer before its connection goes. */
const LINGER_MS = 1000;

/** Answers where there is no request to answer, only a socket, and ends the connection, whatever still comes. */
export function refuseSocket(socket: Socket, code: ErrorCode, message: string = ERRORS[code].meaning): void {
  if (socket.destroyed) return;
  if (!socket.writable) return void socket.destroy();
  const body = errorText(code, message, {}, randomUUID());
  const { status } = ERRORS[code];
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\n` +
      `content-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
