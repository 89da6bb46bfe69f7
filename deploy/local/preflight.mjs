import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { findEngine } from './engines.mjs';
import { holderOf } from './lock.mjs';
import { Advice } from './terminal.mjs';

const PORT_DEFAULT = 8080;

/** What would stop `npm start` later is said before anything slow begins. */
export async function preflight(root) {
  refuseSecondStart(
    process.env.RUNSPINE_DATA_DIR ? resolve(root, process.env.RUNSPINE_DATA_DIR) : join(root, '.runspine'),
  );
  await refuseTakenPort(process.env.RUNSPINE_HOST || '127.0.0.1', process.env.RUNSPINE_PORT || String(PORT_DEFAULT));
  if (!process.env.KAFKA_BROKERS) await findEngine(root);
}

/** Throws an Advice when an `npm start` already runs on this data folder. */
export function refuseSecondStart(dataDir) {
  const holder = holderOf(join(dataDir, 'start.lock'));
  if (!holder) return;
  const where = holder.address ? ` Its gateway is at ${holder.address}.` : '';
  throw new Advice(
    `npm start already runs on ${dataDir}, as process ${holder.processes[0]?.pid}.${where}\n` +
      'Stop that one with Ctrl-C, or start another beside it with a folder and a port of its own:\n' +
      '  RUNSPINE_DATA_DIR=.runspine/second RUNSPINE_PORT=8090 npm start',
  );
}

/** Throws an Advice when the gateway's port is not a port, or is taken. */
export async function refuseTakenPort(host, text) {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Advice(`RUNSPINE_PORT is "${text}": it takes a number from 0 (any free port) to 65535.`);
  }
  const fault = await tryToListen(host, port);
  if (fault === undefined) return;
  const why = fault === 'EADDRINUSE' ? 'is taken by another program' : `cannot be listened on (${fault})`;
  const other = port >= 8080 && port < 65_000 ? port + 10 : 8090;
  throw new Advice(
    `Port ${port} on ${host} ${why}. Choose another one for the gateway:\n  RUNSPINE_PORT=${other} npm start`,
  );
}

function tryToListen(host, port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}
