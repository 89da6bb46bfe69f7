import { connect, type Socket } from 'node:net';
import { affinityOf, newRunId, newStepId } from '@runspine/contracts';
import { BatchingProducer } from '@runspine/kafka';
import { recordOf } from '../events.ts';
import { percentiles } from '../http-load.ts';
import { type Bench, waitUntil } from '../servers.ts';

const ROOMS = 50;
const EVENTS_A_SECOND = 500;

export interface StreamResult {
  p50: number;
  p99: number;
  /** Events that a subscriber should have seen, over all subscribers. */
  expected: number;
  seen: number;
  /** Seen twice, or out of order. */
  wrong: number;
}

/** 1,000 subscribers over 50 rooms while 500 events a second happen in them: from the producer's clock to the reader's. */
export async function streams(
  bench: Bench,
  address: string,
  topic: string,
  partitions: number,
  seconds: number,
  subscribers = 1000,
): Promise<StreamResult> {
  const producer = new BatchingProducer({ client: bench.kafka });
  const runs = Array.from({ length: ROOMS }, (_, index) => {
    const roomId = `bench-${index}`;
    return { roomId, runId: newRunId(affinityOf({ tenantId: 'default', env: 'default', roomId })) };
  });
  const readers = Array.from({ length: subscribers }, (_, index) => new Reader(address, `bench-${index % ROOMS}`));
  await waitUntil(async () => readers.every((reader) => reader.open), 'all streams to open');
  await producer.sendMany(
    runs.map(({ runId, roomId }) => recordOf('run.created', runId, { room_id: roomId }, topic, partitions)),
  );
  const total = seconds * EVENTS_A_SECOND;
  const fromMs = performance.now();
  for (let sent = 0; sent < total; sent += 1) {
    const { runId } = runs[sent % ROOMS]!;
    const data = { step_id: newStepId(), name: `step ${sent}` };
    void producer.send(recordOf('step.created', runId, data, topic, partitions));
    const dueMs = fromMs + (1000 * sent) / EVENTS_A_SECOND;
    if (dueMs > performance.now()) await new Promise((resolve) => setTimeout(resolve, dueMs - performance.now()));
  }
  const expected = (total / ROOMS + 1) * subscribers;
  const seen = () => readers.reduce((sum, reader) => sum + reader.seen, 0);
  await waitUntil(async () => seen() >= expected, 'the last events').catch(() => undefined);
  const wrong = readers.reduce((sum, reader) => sum + reader.wrong, 0);
  for (const reader of readers) reader.close();
  await producer.close();
  return { ...percentiles(readers.flatMap((reader) => reader.latencies)), expected, seen: seen(), wrong };
}

/** One subscriber of a room, as light as it can be. */
class Reader {
  open = false;
  seen = 0;
  wrong = 0;
  readonly latencies: number[] = [];
  private last = 0;
  private buffered = '';
  private readonly socket: Socket;

  constructor(address: string, roomId: string) {
    const url = new URL(address);
    this.socket = connect(Number(url.port), url.hostname);
    this.socket.setEncoding('latin1');
    this.socket.write(
      `GET /v1/streams/rooms/${roomId}?after=0 HTTP/1.1\r\nhost: ${url.host}\r\naccept: text/event-stream\r\n\r\n`,
    );
    this.socket.on('data', (chunk: string) => this.read(chunk));
  }

  close(): void {
    this.socket.destroy();
  }

  private read(chunk: string): void {
    this.open = true;
    this.buffered += chunk;
    for (let end = this.buffered.indexOf('\n\n'); end >= 0; end = this.buffered.indexOf('\n\n')) {
      this.frame(this.buffered.slice(0, end));
      this.buffered = this.buffered.slice(end + 2);
    }
  }

  private frame(frame: string): void {
    const id = /(?:^|\n)id: ?(\d+)/.exec(frame)?.[1];
    if (id === undefined) return;
    this.seen += 1;
    if (Number(id) !== this.last + 1) this.wrong += 1;
    this.last = Number(id);
    const time = /"time":"([^"]+)"/.exec(frame)?.[1];
    if (time) this.latencies.push(Date.now() - Date.parse(time));
  }
}
