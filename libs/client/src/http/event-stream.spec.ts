import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ClientFixture, RUN } from '../client.fixture.js';
import { fail, json } from '../gateway.fixture.js';

let at: ClientFixture;

beforeEach(async () => {
  at = await ClientFixture.start();
});

afterEach(() => at.gateway.die());

describe('streams', () => {
  const open = (response: ServerResponse, ...sequences: number[]) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('retry: 5\n\n: hello\n\n');
    for (const sequence of sequences)
      response.write(`id: ${sequence}\nevent: x\ndata: {"run_sequence":${sequence}}\n\n`);
  };

  it('come back where they were, each event once, until 204', async () => {
    at.answer(
      (response) => {
        open(response, 1, 2);
        setTimeout(() => response.socket?.destroy(), 30);
      },
      (response) => fail(response, 503, 'stream.too_many'),
      (response) => {
        open(response, 2, 3);
        response.end();
      },
      (response) => response.writeHead(204).end(),
    );
    const sequences = [];
    for await (const { sequence, event } of at.client.runs.stream(RUN, { after: 0 })) {
      expect(event.run_sequence).toBe(sequence);
      sequences.push(sequence);
    }
    expect(sequences).toEqual([1, 2, 3]);
    expect(at.gateway.requests.map(({ headers }) => headers['last-event-id'])).toEqual(['0', '2', '2', '3']);
  });

  it('begin at the version that the run has now, where nothing else is said', async () => {
    at.answer(
      (response) => json(response, 200, { version: 7 }),
      (response) => response.writeHead(204).end(),
    );
    for await (const event of at.client.runs.stream(RUN)) throw new Error(String(event));
    expect(at.gateway.requests[1]!.headers['last-event-id']).toBe('7');
  });

  it('end quietly when their signal aborts', async () => {
    at.answer((response) => open(response, 1));
    const controller = new AbortController();
    const seen = [];
    for await (const event of at.client.roomStream('kitchen', { after: 0, signal: controller.signal })) {
      seen.push(event.sequence);
      setTimeout(() => controller.abort(), 10);
    }
    expect(seen).toEqual([1]);
    expect(at.gateway.requests[0]!.path).toBe('/v1/streams/rooms/kitchen');
    for await (const event of at.client.runs.stream(RUN, { signal: controller.signal })) throw new Error(String(event));
    expect(at.gateway.requests).toHaveLength(1);
  });

  it('throw what no other try mends', async () => {
    at.answer((response) => fail(response, 404, 'run.not_found'));
    await expect(at.client.runs.stream(RUN, { after: 0 }).next()).rejects.toMatchObject({ code: 'run.not_found' });
  });

  it('bear silence, nonsense and another content type by coming back', async () => {
    at.answer(
      (response) => open(response),
      (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end('retry: 5\n\nid: 1\ndata: {nonsense\n\n');
      },
      (response) => json(response, 200, {}),
      (response) => {
        open(response, 1);
        response.write('id: x\ndata: {}\n\n');
      },
    );
    const stream = at.client.roomStream('kitchen', { after: 0, silenceMs: 60 });
    expect((await stream.next()).value).toMatchObject({ sequence: 1 });
    await stream.return();
    expect(at.gateway.requests).toHaveLength(4);
  });
});
