import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from './children.ts';
import { tailOf } from './folders.ts';
import { Advice } from './terminal.mjs';

const LOOK_MS = 50;
const ANSWER_MAX_MS = 3000;
const METADATA_KEY = 3;
const METADATA_VERSION = 1;

/** Waits until `look` says yes. Throws an Advice with the log's tail when the child ends or the time is over. */
export async function waitUntil(
  look: () => Promise<boolean>,
  { child, waitMs }: { child: Child; waitMs: number },
): Promise<void> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    if (await look()) return;
    if (!child.isRunning()) throw new Advice(`${child.name} ended (${await child.exited}).${logOf(child)}`);
    if (Date.now() > deadline) throw new Advice(`${child.name} was not ready after ${waitMs / 1000} s.${logOf(child)}`);
    await sleep(LOOK_MS);
  }
}

/** Where a child's log is and how it ends. */
export function logOf(child: Child): string {
  return child.log === undefined ? '' : ` Its log, ${child.log}, ends with:\n\n${tailOf(child.log)}`;
}

/** Whether an HTTP address answers 200. */
export async function answersOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MAX_MS) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** Whether a Kafka broker answers there, and knows of itself: it is then past its start and takes clients. */
export function kafkaAnswers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let answer = Buffer.alloc(0);
    const done = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(ANSWER_MAX_MS, () => done(false));
    socket.once('error', () => done(false));
    socket.once('close', () => done(false));
    socket.once('connect', () => socket.write(metadataRequest()));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      // size, correlation id, number of brokers
      if (answer.length >= 12) done(answer.readInt32BE(8) > 0);
    });
  });
}

/** A Metadata request for no topics: the smallest that tells whether the broker serves. */
function metadataRequest(): Buffer {
  const request = Buffer.alloc(18);
  request.writeInt32BE(request.length - 4, 0);
  request.writeInt16BE(METADATA_KEY, 4);
  request.writeInt16BE(METADATA_VERSION, 6);
  request.writeInt32BE(1, 8);
  request.writeInt16BE(-1, 12);
  request.writeInt32BE(0, 14);
  return request;
}
