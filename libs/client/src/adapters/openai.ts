import { type AdapterOptions, beginCall, lengthOf, type ProviderAnswer, type ProviderCall } from './provider-call.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Fields = Record<string, unknown>;

/** Methods of an OpenAI-compatible client that call a model, by their path. */
const METHODS = new Set([
  'chat.completions.create',
  'chat.completions.parse',
  'responses.create',
  'responses.parse',
  'completions.create',
  'embeddings.create',
]);
const GROUPS = new Set([
  'chat',
  'chat.completions',
  'responses',
  'completions',
  'embeddings',
  'beta',
  'beta.chat',
  'beta.chat.completions',
]);

/**
 * The same client, its calls recorded on the run that they are part of: provider_called with the prompt's length,
 * provider_responded with the answer's and its tokens (of a stream: once it is read, tokens where the server sends them).
 * Works for the `openai` package and whatever has its form. Results, errors and types are the client's own; keys and
 * content stay where they are.
 */
export function trackOpenAI<Client extends object>(client: Client, options: AdapterOptions = {}): Client {
  return wrap(client, '', { provider: providerOf(client), ...options });
}

function wrap<T extends object>(target: T, path: string, options: AdapterOptions): T {
  return new Proxy(target, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name, object);
      if (typeof name !== 'string') return value;
      const inner = path === '' ? name : `${path}.${name}`;
      const method = inner.replace(/^beta\./, '');
      if (typeof value === 'function' && METHODS.has(method)) {
        return (...args: unknown[]) => callOf(value as Method, object, method, args, options);
      }
      if (typeof value === 'function') return (value as Method).bind(object);
      return typeof value === 'object' && value !== null && GROUPS.has(inner) ? wrap(value, inner, options) : value;
    },
  });
}

function callOf(method: Method, self: object, operation: string, args: unknown[], options: AdapterOptions): unknown {
  const body = (args[0] ?? {}) as Fields;
  const call = beginCall(options, {
    provider: 'openai',
    model: typeof body.model === 'string' ? body.model : 'unknown',
    prompt: body.messages ?? body.input ?? body.prompt,
    operation,
  });
  let result: unknown;
  try {
    result = method.apply(self, args);
  } catch (error) {
    call.failed(error);
    throw error;
  }
  return isThenable(result) ? watched(result, call) : result;
}

interface Thenable {
  then(done: (value: unknown) => unknown, failed: (error: unknown) => unknown): unknown;
}

/** The client's own promise, with its further methods; what it resolves with is seen once, streams as they are read. */
function watched(promise: Thenable & object, call: ProviderCall): object {
  let seen: Promise<unknown> | undefined;
  const see = () =>
    (seen ??= Promise.resolve(promise as PromiseLike<unknown>).then(
      (value) => seenValue(value, call),
      (error: unknown) => {
        call.failed(error);
        throw error;
      },
    ));
  return new Proxy(promise, {
    get(target, name) {
      if (name === 'then') return (done: never, failed: never) => see().then(done, failed);
      if (name === 'catch') return (failed: never) => see().catch(failed);
      if (name === 'finally') return (done: never) => see().finally(done);
      const value: unknown = Reflect.get(target, name, target);
      if (name === 'withResponse' && typeof value === 'function') {
        return async () => ({ ...((await (value as Method).call(target)) as object), data: await see() });
      }
      return typeof value === 'function' ? (value as Method).bind(target) : value;
    },
  });
}

function seenValue(value: unknown, call: ProviderCall): unknown {
  if (typeof value === 'object' && value !== null && Symbol.asyncIterator in value) return seenStream(value, call);
  call.answered(answerOf(value as Fields));
  return value;
}

/** The client's own stream; what is read of it adds up to the answer. */
function seenStream(stream: object, call: ProviderCall): object {
  return new Proxy(stream, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (name === Symbol.asyncIterator) return () => readThrough(target as AsyncIterable<unknown>, call);
      return typeof value === 'function' ? (value as Method).bind(target) : value;
    },
  });
}

async function* readThrough(stream: AsyncIterable<unknown>, call: ProviderCall): AsyncGenerator<unknown, void, void> {
  const text: string[] = [];
  let usage: unknown;
  try {
    for await (const chunk of stream) {
      const part = (chunk ?? {}) as Fields;
      const response = (part.response ?? {}) as Fields;
      usage = part.usage ?? response.usage ?? usage;
      text.push(...textsOf(part));
      yield chunk;
    }
  } catch (error) {
    call.failed(error);
    throw error;
  } finally {
    const content = text.join('');
    // Also where the reader stopped early: what was read is what there is.
    call.answered({ outputLength: content.length, usage: usageOf(usage), content });
  }
}

/** Text of a chunk of chat completions, completions, or responses. */
function textsOf(part: Fields): string[] {
  if (typeof part.delta === 'string' && typeof part.type === 'string' && part.type.endsWith('.delta'))
    return [part.delta];
  if (!Array.isArray(part.choices)) return [];
  return (part.choices as Fields[]).flatMap((choice) => {
    const delta = (choice.delta ?? {}) as Fields;
    const calls = Array.isArray(delta.tool_calls) ? (delta.tool_calls as { function?: Fields }[]) : [];
    const pieces = [delta.content, choice.text, ...calls.map((tool) => tool.function?.arguments)];
    return pieces.filter((piece): piece is string => typeof piece === 'string');
  });
}

function answerOf(value: Fields | null | undefined): ProviderAnswer {
  const { choices, output, usage } = value ?? {};
  const content = Array.isArray(choices)
    ? (choices as Fields[]).map((choice) => {
        const { content: text, tool_calls: calls } = (choice.message ?? { content: choice.text }) as Fields;
        return [text, calls];
      })
    : output;
  return { outputLength: lengthOf(content), usage: usageOf(usage), content };
}

function usageOf(given: unknown): ProviderAnswer['usage'] {
  const usage = (given ?? {}) as Record<string, number | undefined>;
  return {
    tokensIn: usage.prompt_tokens ?? usage.input_tokens,
    tokensOut: usage.completion_tokens ?? usage.output_tokens,
    tokensUsed: usage.total_tokens,
  };
}

function isThenable(value: unknown): value is Thenable & object {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Thenable>).then === 'function';
}

/** The host of its address: `api.openai.com` is openai, and others go by their own names. */
function providerOf(client: object): string {
  try {
    const { hostname } = new URL(String((client as { baseURL?: unknown }).baseURL));
    return hostname === 'api.openai.com' ? 'openai' : hostname;
  } catch {
    return 'openai';
  }
}
