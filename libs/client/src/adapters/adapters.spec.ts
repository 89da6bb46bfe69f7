import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, streamText, wrapLanguageModel } from 'ai';
import OpenAI from 'openai';
import { GatewayFixture } from '../gateway.fixture.js';
import { Tracker } from '../tracking/tracker.js';
import { trackingMiddleware } from './ai-sdk.js';
import { trackOpenAI } from './openai.js';

const KEY = 'sk-very-secret';
const PROMPT = 'Tell me a secret thing';
const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
let gateway: GatewayFixture;
let models: Server;
let baseURL: string;
let tracker: Tracker;

/** A small server of OpenAI's form: chat, streamed and whole, responses and embeddings. */
function openAiLike(): Server {
  return createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const body = JSON.parse(text) as { model: string; stream?: boolean };
      const json = (value: unknown, status = 200) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      if (body.model === 'broken') return json({ error: { message: 'overloaded', code: 'overloaded' } }, 400);
      if (request.url?.endsWith('/embeddings'))
        return json({
          object: 'list',
          data: [{ object: 'embedding', index: 0, embedding: [1] }],
          model: 'e',
          usage: { prompt_tokens: 3, total_tokens: 3 },
        });
      if (request.url?.endsWith('/responses'))
        return json({
          id: 'r',
          object: 'response',
          output: [{ type: 'message', content: [{ type: 'output_text', text: 'four' }] }],
          usage: { input_tokens: 5, output_tokens: 1, total_tokens: 6 },
        });
      const base = { id: 'c', created: 1, model: body.model };
      if (!body.stream)
        return json({
          ...base,
          object: 'chat.completion',
          choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Hello there' } }],
          usage,
        });
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const chunk = (value: object) =>
        response.write(`data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', ...value })}\n\n`);
      for (const content of ['Hel', 'lo']) chunk({ choices: [{ index: 0, delta: { content } }] });
      chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage });
      response.end('data: [DONE]\n\n');
    });
  });
}

beforeEach(async () => {
  gateway = await GatewayFixture.start();
  models = openAiLike();
  await new Promise<void>((resolve) => models.listen(0, '127.0.0.1', resolve));
  baseURL = `http://127.0.0.1:${(models.address() as AddressInfo).port}/v1`;
  tracker = new Tracker({ address: gateway.address, spoolDir: false, codeRef: 'x', batchMs: 5, recordCommand: false });
});

afterEach(async () => {
  await tracker.close();
  await gateway.die();
  models.closeAllConnections();
  await new Promise((resolve) => models.close(resolve));
});

const dataOf = (type: string) => gateway.events.filter((event) => event.type === type).map(({ data }) => data);

describe('trackOpenAI', () => {
  const wrapped = (options = {}) => trackOpenAI(new OpenAI({ apiKey: KEY, baseURL, maxRetries: 0 }), options);
  const chat = { model: 'm1', messages: [{ role: 'user' as const, content: PROMPT }] };

  it('records calls as tasks of the run, with lengths and tokens, and neither key nor content', async () => {
    const client = wrapped({ costUsd: () => 0.5 });
    const answer = await tracker.trackStage({ stage: 'ask' }, async () => {
      const { choices } = await client.chat.completions.create(chat);
      return { length: choices[0]!.message.content!.length };
    });
    await tracker.flush();

    expect(answer).toEqual({ length: 11 });
    expect(dataOf('step.created')).toEqual([expect.objectContaining({ name: 'chat.completions.create', kind: 'llm' })]);
    expect(dataOf('step.provider_called')).toEqual([
      expect.objectContaining({ provider: '127.0.0.1', model: 'm1', prompt_len: PROMPT.length }),
    ]);
    expect(dataOf('step.provider_responded')).toEqual([
      expect.objectContaining({ output_len: 11, tokens_in: 5, tokens_out: 2, tokens_used: 7 }),
    ]);
    expect(dataOf('step.completed')).toHaveLength(1);
    expect(dataOf('run.completed')[0]!.metrics).toEqual({
      llm_calls: 1,
      tokens: 7,
      tokens_in: 5,
      tokens_out: 2,
      cost_usd: 0.5,
    });
    const sent = JSON.stringify(gateway.requests.map(({ body, headers }) => [body, headers]));
    for (const secret of [KEY, PROMPT, 'Hello there']) expect(sent).not.toContain(secret);
  });

  it('records content only if asked, on the task that is running', async () => {
    const client = wrapped({ recordContent: true, provider: 'ours' });
    await tracker.trackRun({}, (run) =>
      run.task('ask', () => client.chat.completions.create(chat).then(() => undefined)),
    );
    await tracker.trackRun({}, () => client.chat.completions.create(chat).then(() => undefined));
    await tracker.flush();

    expect(dataOf('step.created').map(({ name }) => name)).toEqual(['ask', 'chat.completions.create']);
    expect(JSON.stringify(dataOf('step.inputs_resolved')[0])).toContain(PROMPT);
    expect(JSON.stringify(dataOf('step.completed')[1])).toContain('Hello there');
    expect(dataOf('step.provider_called')[0]).toMatchObject({ provider: 'ours' });
    expect(JSON.stringify(gateway.events)).not.toContain(KEY);
  });

  it('records streams once they are read, whole or in part', async () => {
    const client = wrapped();
    const text = await tracker.trackRun({}, async () => {
      const stream = await client.chat.completions.create({ ...chat, stream: true });
      let whole = '';
      for await (const part of stream) whole += part.choices[0]?.delta.content ?? '';
      expect(typeof stream.controller.abort).toBe('function');
      for await (const part of await client.chat.completions.create({ ...chat, stream: true })) if (part) break;
      return whole;
    });
    await tracker.flush();

    expect(text).toBe('Hello');
    expect(dataOf('step.provider_responded').map(({ output_len, tokens_used }) => [output_len, tokens_used])).toEqual([
      [5, 7],
      [3, undefined],
    ]);
  });

  it('leaves the results, errors and further methods of the client as they are', async () => {
    const client = wrapped();
    await tracker.trackRun({}, async () => {
      const { data, response } = await client.chat.completions.create(chat).withResponse();
      expect([data.choices.length, response.status]).toEqual([1, 200]);
      expect((await client.chat.completions.create(chat).asResponse()).status).toBe(200);
      await expect(client.chat.completions.create({ ...chat, model: 'broken' })).rejects.toBeInstanceOf(
        OpenAI.APIError,
      );
      await client.chat.completions
        .create({ ...chat, model: 'broken' })
        .catch(() => undefined)
        .finally(() => undefined);
      expect((await client.responses.create({ model: 'm', input: 'hi' })).id).toBe('r');
      expect(
        (await client.embeddings.create({ model: 'e', input: ['ab', 'c'], encoding_format: 'float' })).data,
      ).toHaveLength(1);
    });
    await tracker.flush();

    expect(client.baseURL).toBe(baseURL);
    expect(dataOf('step.failed').map(({ error }) => (error as { message: string }).message)).toEqual([
      expect.stringContaining('overloaded'),
      expect.stringContaining('overloaded'),
    ]);
    expect(dataOf('step.provider_responded').map(({ output_len }) => output_len)).toEqual([11, 4, 0]);
    expect(dataOf('step.provider_called').at(-1)!.prompt_len).toBe(3);
  });

  it('records nothing outside of a run, and bears a client that throws at once', async () => {
    const client = wrapped();
    expect((await client.chat.completions.create(chat)).choices).toHaveLength(1);
    const odd = trackOpenAI({
      chat: {
        completions: {
          create: (): never => {
            throw new Error('at once');
          },
        },
      },
      completions: { create: () => 5 },
    });
    await tracker.trackRun({}, () => {
      expect(() => odd.chat.completions.create()).toThrow('at once');
      expect(odd.completions.create()).toBe(5);
    });
    await tracker.flush();

    expect(dataOf('step.failed')).toHaveLength(1);
  });
});

describe('trackingMiddleware', () => {
  const model = (id: string, options = {}) =>
    wrapLanguageModel({
      model: createOpenAICompatible({ name: 'local', baseURL, apiKey: KEY, includeUsage: true })(id),
      middleware: trackingMiddleware(options),
    });

  it('records what the AI SDK generates, with tokens, and neither key nor content', async () => {
    const { text } = await tracker.trackRun({}, () => generateText({ model: model('m1'), prompt: PROMPT }));
    await tracker.flush();

    expect(text).toBe('Hello there');
    expect(dataOf('step.provider_called')).toEqual([
      expect.objectContaining({ provider: 'local.chat', model: 'm1', prompt_len: PROMPT.length }),
    ]);
    expect(dataOf('step.provider_responded')).toEqual([
      expect.objectContaining({ output_len: 11, tokens_in: 5, tokens_out: 2 }),
    ]);
    const sent = JSON.stringify(gateway.requests.map(({ body }) => body));
    for (const secret of [KEY, PROMPT]) expect(sent).not.toContain(secret);
  });

  it('records what it streams, once it is read', async () => {
    const text = await tracker.trackRun(
      { recordOutput: false },
      async () => await streamText({ model: model('m1', { recordContent: true }), prompt: PROMPT }).text,
    );
    await tracker.flush();

    expect(text).toBe('Hello');
    expect(dataOf('step.provider_responded')).toEqual([
      expect.objectContaining({ output_len: 5, tokens_in: 5, tokens_out: 2 }),
    ]);
    expect(dataOf('step.completed')[0]!.output).toBe('Hello');
  });

  it('records and throws on what fails', async () => {
    const call = tracker.trackRun({}, () => generateText({ model: model('broken'), prompt: PROMPT, maxRetries: 0 }));
    await expect(call).rejects.toThrow('overloaded');
    await tracker.trackRun({}, async () => {
      await streamText({
        model: model('broken'),
        prompt: PROMPT,
        maxRetries: 0,
        onError: () => undefined,
      }).consumeStream({ onError: () => undefined });
    });
    await tracker.flush();

    expect(dataOf('step.failed')).toHaveLength(2);
  });
});
