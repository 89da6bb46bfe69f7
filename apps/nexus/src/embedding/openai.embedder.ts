import { createHash } from 'node:crypto';
import { ServiceError } from '@runspine/contracts';
import { LRUCache } from 'lru-cache';
import { Gate, GateFull } from '../remote/gate.js';
import { postJson, RemoteFault, type RemoteOptions } from '../remote/json-post.js';
import type { Embedder, EmbeddingPurpose } from './embedder.js';

/** How an OpenAI-compatible server is used. */
export interface OpenAiEmbedderOptions extends RemoteOptions {
  /** The server's name of the model. */
  readonly model: string;
  /** Asked of the server as `dimensions`; without it, the first answer fixes it. */
  readonly dimension?: number | undefined;
  readonly queryPrefix?: string;
  readonly documentPrefix?: string;
  /** Texts in a request. @default 64 */
  readonly batchTexts?: number;
  /** Characters in a request, unless one text alone has more. @default 200_000 */
  readonly batchChars?: number;
  /** Requests at once, in the whole process. @default 4 */
  readonly concurrency?: number;
  /** Vectors kept by the hash of their text. @default 64 MiB */
  readonly cacheBytes?: number;
}

const KEY_BYTES = 120;

/** `POST {url}` in OpenAI's shape: {model, input} → {data: [{index, embedding}]}. One object a process. */
export class OpenAiEmbedder implements Embedder {
  readonly model: string;
  readonly semantic = true;
  private known: number | undefined;
  private readonly gate: Gate;
  private readonly cache: LRUCache<string, Float32Array>;

  constructor(private readonly options: OpenAiEmbedderOptions) {
    this.model = `openai:${options.model}`;
    this.known = options.dimension;
    this.gate = new Gate(options.concurrency ?? 4);
    this.cache = new LRUCache({
      maxSize: Math.max(1, options.cacheBytes ?? 64 * 1024 * 1024),
      sizeCalculation: (vector) => vector.byteLength + KEY_BYTES,
    });
  }

  get dimension(): number | undefined {
    return this.known;
  }

  async embed(texts: readonly string[], purpose: EmbeddingPurpose, signal: AbortSignal): Promise<Float32Array[]> {
    const { queryPrefix = '', documentPrefix = '' } = this.options;
    const prefix = purpose === 'query' ? queryPrefix : documentPrefix;
    const keys = texts.map((text) => createHash('sha256').update(`${prefix}${text}`).digest('base64'));
    const vectors = new Map<string, Float32Array>();
    const asked = new Map<string, string>();
    for (const [index, key] of keys.entries()) {
      const kept = this.cache.get(key);
      if (kept) vectors.set(key, kept);
      else asked.set(key, `${prefix}${texts[index] ?? ''}`);
    }
    const batches = this.batchesOf([...asked]);
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    try {
      await Promise.all(
        batches.map(async (batch) => {
          const answers = await this.request(
            batch.map(([, text]) => text),
            purpose,
            either,
          );
          for (const [index, [key]] of batch.entries()) {
            const vector = answers[index] as Float32Array;
            this.cache.set(key, vector);
            vectors.set(key, vector);
          }
        }),
      );
    } catch (error) {
      failed.abort();
      throw error;
    }
    return keys.map((key) => vectors.get(key) as Float32Array);
  }

  private batchesOf(entries: readonly [string, string][]): [string, string][][] {
    const { batchTexts = 64, batchChars = 200_000 } = this.options;
    const batches: [string, string][][] = [];
    let chars = 0;
    for (const entry of entries) {
      const last = batches.at(-1);
      if (last && last.length < batchTexts && chars + entry[1].length <= batchChars) last.push(entry);
      else {
        batches.push([entry]);
        chars = 0;
      }
      chars += entry[1].length;
    }
    return batches;
  }

  private async request(input: string[], purpose: EmbeddingPurpose, signal: AbortSignal): Promise<Float32Array[]> {
    const { model, dimension } = this.options;
    const body = {
      model,
      input,
      encoding_format: 'float',
      ...(dimension === undefined ? {} : { dimensions: dimension }),
    };
    let answer: unknown;
    try {
      const call = () => postJson(this.options, body, signal);
      answer = await this.gate.run(call, { urgent: purpose === 'query', signal });
    } catch (error) {
      throw embedderFault(this.model, error);
    }
    return this.read(answer, input.length);
  }

  private read(answer: unknown, count: number): Float32Array[] {
    const data = (answer as { data?: unknown } | null)?.data;
    if (!Array.isArray(data)) throw invalid(this.model, 'the answer has no list `data`');
    if (data.length !== count) throw invalid(this.model, `${data.length} vectors came for ${count} texts`);
    const vectors = new Array<Float32Array | undefined>(count).fill(undefined);
    for (const [position, entry] of data.entries()) {
      const { index = position, embedding } = (entry ?? {}) as { index?: number; embedding?: unknown };
      if (!Number.isInteger(index) || index < 0 || index >= count || vectors[index]) {
        throw invalid(this.model, `index ${index} is out of range or came twice`);
      }
      vectors[index] = unitVector(this.model, embedding);
      const { length } = vectors[index];
      this.known ??= length;
      if (length !== this.known) throw invalid(this.model, `a vector has ${length} numbers, not ${this.known}`);
    }
    return vectors as Float32Array[];
  }
}

/** The vector at length 1. @throws ServiceError `nexus.embedder_invalid` for what is not finite numbers. */
export function unitVector(model: string, numbers: unknown): Float32Array {
  if (!Array.isArray(numbers) && !(numbers instanceof Float32Array)) throw invalid(model, 'a vector is not a list');
  if (numbers.length === 0) throw invalid(model, 'a vector is empty');
  let squares = 0;
  for (const value of numbers as number[]) {
    if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(model, 'a vector has what is not a number');
    squares += value * value;
  }
  if (!(squares > 0) || !Number.isFinite(squares)) throw invalid(model, 'a vector has no direction');
  const length = Math.sqrt(squares);
  return Float32Array.from(numbers as number[], (value) => value / length);
}

function invalid(model: string, reason: string): ServiceError {
  return new ServiceError('nexus.embedder_invalid', `The embedder's answer is of no use: ${reason}.`, { model });
}

/** What went wrong in a call, as the port promises it; a given-up call keeps its reason. */
function embedderFault(model: string, error: unknown): unknown {
  if (error instanceof GateFull) {
    return new ServiceError('nexus.embedder_unavailable', `The embedder is busy: ${error.message}.`, { model });
  }
  if (!(error instanceof RemoteFault)) return error;
  const code = error.retryable ? 'nexus.embedder_unavailable' : 'nexus.embedder_invalid';
  return new ServiceError(code, `The embedder failed: ${error.message}.`, { model }, { cause: error });
}
