import { basename } from 'node:path';
import type { SettingsOf } from '@runspine/service';
import { CircuitEmbedder } from './circuit.js';
import type { Embedder } from './embedder.js';
import { HashEmbedder } from './hash.embedder.js';
import { OpenAiEmbedder } from './openai.embedder.js';
import type { embedderSettings } from './settings.js';
import { TransformersEmbedder } from './transformers.embedder.js';

const HASH_MODEL = /^hash-([1-9]\d{0,4})$/;
const HASH_KEPT_MAX = 64;

/** The embedders of a process: the one that its settings name, and every `hash`, which needs nothing. */
export class Embedders {
  /** What texts that come in are embedded by. */
  readonly current: Embedder;
  private readonly hashes = new Map<string, HashEmbedder>();

  /** @throws Error that names the setting which is missing. */
  constructor(settings: SettingsOf<typeof embedderSettings>) {
    this.current = makeEmbedder(settings);
  }

  /** What made a space's vectors, where this process has it. */
  of(model: string): Embedder | undefined {
    if (model === this.current.model) return this.current;
    const dimension = Number(HASH_MODEL.exec(model)?.[1] ?? 0);
    if (dimension === 0 || dimension > 8192) return undefined;
    const made = this.hashes.get(model) ?? new HashEmbedder(dimension);
    if (this.hashes.size < HASH_KEPT_MAX) this.hashes.set(model, made);
    return made;
  }
}

function makeEmbedder(settings: SettingsOf<typeof embedderSettings>): Embedder {
  const { embedderModel: model, embedderPath: path } = settings;
  const dimension = settings.embedderDimension || undefined;
  const prefixes = { queryPrefix: settings.embedderQueryPrefix, documentPrefix: settings.embedderDocumentPrefix };
  switch (settings.embedder) {
    case 'hash':
      return new HashEmbedder(dimension ?? 384);
    case 'openai':
      if (model === undefined) throw new Error('RUNSPINE_EMBEDDER=openai needs RUNSPINE_EMBEDDER_MODEL.');
      return new CircuitEmbedder(
        new OpenAiEmbedder({
          ...prefixes,
          url: settings.embedderUrl,
          apiKey: settings.embedderApiKey,
          model,
          dimension,
          timeoutMs: settings.embedderTimeoutMs,
          triesMax: settings.embedderTries,
          batchTexts: settings.embedderBatch,
          concurrency: settings.embedderConcurrency,
          cacheBytes: settings.embedderCacheBytes,
        }),
      );
    case 'transformers':
      if (path === undefined) throw new Error('RUNSPINE_EMBEDDER=transformers needs RUNSPINE_EMBEDDER_PATH.');
      return new TransformersEmbedder({ ...prefixes, path, name: model ?? basename(path) });
  }
}
