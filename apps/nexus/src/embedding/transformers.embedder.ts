import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ServiceError } from '@runspine/contracts';
import { Gate, GateFull } from '../remote/gate.js';
import type { Embedder, EmbeddingPurpose } from './embedder.js';
import { unitVector } from './openai.embedder.js';

export interface TransformersEmbedderOptions {
  /** The folder of the model: config.json, tokenizer.json, tokenizer_config.json and onnx/model.onnx. */
  readonly path: string;
  /** What spaces record: `transformers:{name}`. */
  readonly name: string;
  readonly queryPrefix?: string;
  readonly documentPrefix?: string;
}

/** What is used of @huggingface/transformers, which need not be installed. */
interface Extract {
  (texts: string[], options: { pooling: 'mean'; normalize: boolean }): Promise<{ data: Float32Array; dims: number[] }>;
}
interface Library {
  env: { allowRemoteModels: boolean; localModelPath: string; allowLocalModels: boolean };
  pipeline(task: 'feature-extraction', model: string, options: { dtype: 'fp32' }): Promise<Extract>;
}

const PACKAGE = '@huggingface/transformers';
/** The model works on the machine's cores in the library's own threads: batches keep its memory small. */
const BATCH_TEXTS = 16;

/** A model of sentences on this machine, mean-pooled, by the optional package @huggingface/transformers. No download. */
export class TransformersEmbedder implements Embedder {
  readonly model: string;
  readonly semantic = true;
  private known: number | undefined;
  private loading: Promise<Extract> | undefined;
  private readonly gate = new Gate(1);

  constructor(private readonly options: TransformersEmbedderOptions) {
    this.model = `transformers:${options.name}`;
  }

  get dimension(): number | undefined {
    return this.known;
  }

  async embed(texts: readonly string[], purpose: EmbeddingPurpose, signal: AbortSignal): Promise<Float32Array[]> {
    const { queryPrefix = '', documentPrefix = '' } = this.options;
    const prefix = purpose === 'query' ? queryPrefix : documentPrefix;
    const extract = await this.load();
    const vectors: Float32Array[] = [];
    for (let from = 0; from < texts.length; from += BATCH_TEXTS) {
      const batch = texts.slice(from, from + BATCH_TEXTS).map((text) => `${prefix}${text}`);
      vectors.push(...(await this.run(extract, batch, { urgent: purpose === 'query', signal })));
    }
    return vectors;
  }

  private async run(extract: Extract, batch: string[], turn: { urgent: boolean; signal: AbortSignal }) {
    try {
      const { data, dims } = await this.gate.run(() => extract(batch, { pooling: 'mean', normalize: false }), turn);
      const [count = 0, dimension = 0] = dims;
      if (count !== batch.length || dims.length !== 2) throw new Error(`the model's answer has the shape ${dims}`);
      this.known ??= dimension;
      return batch.map((_, index) => unitVector(this.model, data.slice(index * dimension, (index + 1) * dimension)));
    } catch (error) {
      if (error instanceof ServiceError) throw error;
      turn.signal.throwIfAborted();
      const code = error instanceof GateFull ? 'nexus.embedder_unavailable' : 'nexus.embedder_invalid';
      throw new ServiceError(code, undefined, { model: this.model }, { cause: error });
    }
  }

  private load(): Promise<Extract> {
    this.loading ??= this.open().catch((error: unknown) => {
      this.loading = undefined;
      throw error;
    });
    return this.loading;
  }

  private async open(): Promise<Extract> {
    const path = resolve(this.options.path);
    const library = await this.library();
    await stat(join(path, 'config.json')).catch((error: unknown) => {
      throw this.unusable(`${this.options.path} has no config.json: it is not the folder of a model`, error);
    });
    library.env.allowRemoteModels = false;
    library.env.allowLocalModels = true;
    library.env.localModelPath = dirname(path);
    try {
      return await library.pipeline('feature-extraction', basename(path), { dtype: 'fp32' });
    } catch (error) {
      throw this.unusable(`The model in ${this.options.path} cannot be loaded`, error);
    }
  }

  private async library(): Promise<Library> {
    try {
      return (await import(PACKAGE)) as Library;
    } catch (error) {
      throw this.unusable(`Local models need a package that is not installed: npm install ${PACKAGE}`, error);
    }
  }

  private unusable(message: string, cause: unknown): ServiceError {
    return new ServiceError('nexus.embedder_invalid', `${message}.`, { model: this.model }, { cause });
  }
}
