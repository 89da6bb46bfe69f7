import { type AdapterOptions, beginCall, lengthOf, type ProviderCall, type Usage } from './provider-call.js';

interface Model {
  readonly provider: string;
  readonly modelId: string;
}

interface Params {
  readonly prompt: unknown;
}

interface Part {
  readonly type: string;
  readonly [name: string]: unknown;
}

/** The part of a language model middleware of the AI SDK that is provided. */
export interface TrackingMiddleware {
  readonly specificationVersion: 'v3';
  wrapGenerate<Result extends object>(call: {
    doGenerate: () => PromiseLike<Result>;
    params: Params;
    model: Model;
  }): Promise<Result>;
  wrapStream<Result extends object>(call: {
    doStream: () => PromiseLike<Result>;
    params: Params;
    model: Model;
  }): Promise<Result>;
}

/**
 * A middleware of the AI SDK (`wrapLanguageModel({ model, middleware: trackingMiddleware() })`) that records each call on
 * the run that it is part of: provider_called and provider_responded, with tokens. Content stays where it is.
 */
export function trackingMiddleware(options: AdapterOptions = {}): TrackingMiddleware {
  const begin = (params: Params, model: Model, operation: string) =>
    beginCall(options, { provider: model.provider, model: model.modelId, prompt: params.prompt, operation });
  return {
    specificationVersion: 'v3',
    async wrapGenerate({ doGenerate, params, model }) {
      const call = begin(params, model, 'ai.generate');
      try {
        const result = await doGenerate();
        const { content, usage } = result as { content?: unknown; usage?: unknown };
        call.answered({ outputLength: lengthOf(content), usage: usageOf(usage), content });
        return result;
      } catch (error) {
        call.failed(error);
        throw error;
      }
    },
    async wrapStream({ doStream, params, model }) {
      const call = begin(params, model, 'ai.stream');
      try {
        const result = await doStream();
        const { stream } = result as { stream?: unknown };
        return stream instanceof ReadableStream ? { ...result, stream: watched(stream, call) } : result;
      } catch (error) {
        call.failed(error);
        throw error;
      }
    },
  };
}

/** The same parts; what passes adds up to the answer. */
function watched(stream: ReadableStream<Part>, call: ProviderCall): ReadableStream<Part> {
  const text: string[] = [];
  let usage: unknown;
  const answered = () => {
    const content = text.join('');
    call.answered({ outputLength: content.length, usage: usageOf(usage), content });
  };
  const through = {
    transform(part: Part, controller: { enqueue(part: Part): void }) {
      if (part.type === 'text-delta' || part.type === 'tool-input-delta') text.push(String(part.delta ?? ''));
      else if (part.type === 'finish') usage = part.usage;
      else if (part.type === 'error') call.failed(part.error);
      controller.enqueue(part);
    },
    flush: answered,
    // A reader that stops early; not every runtime says so.
    cancel: answered,
  };
  return stream.pipeThrough(new TransformStream<Part, Part>(through));
}

/** Numbers in version 2 of the specification, `{total}` since version 3. */
function usageOf(given: unknown): Usage {
  const { inputTokens, outputTokens, totalTokens } = (given ?? {}) as Record<string, unknown>;
  return { tokensIn: countOf(inputTokens), tokensOut: countOf(outputTokens), tokensUsed: countOf(totalTokens) };
}

function countOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  return typeof value === 'object' && value !== null ? countOf((value as { total?: unknown }).total) : undefined;
}
