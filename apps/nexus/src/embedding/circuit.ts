import { ServiceError } from '@runspine/contracts';
import type { Embedder, EmbeddingPurpose } from './embedder.js';

const FAILURES_MAX = 3;
const OPEN_MS = 5000;

/**
 * Spares a dead embedder, and those who wait for it: after three failures in a row it refuses at once for 5 s, then lets
 * one call through to see.
 */
export class CircuitEmbedder implements Embedder {
  private failures = 0;
  private openUntilMs = 0;

  constructor(
    private readonly embedder: Embedder,
    private readonly openMs = OPEN_MS,
  ) {}

  get model(): string {
    return this.embedder.model;
  }

  get dimension(): number | undefined {
    return this.embedder.dimension;
  }

  get semantic(): boolean {
    return this.embedder.semantic;
  }

  async embed(texts: readonly string[], purpose: EmbeddingPurpose, signal: AbortSignal): Promise<Float32Array[]> {
    if (this.failures >= FAILURES_MAX) {
      if (Date.now() < this.openUntilMs) {
        const { model } = this;
        throw new ServiceError('nexus.embedder_unavailable', 'The embedder failed just before; it is left alone.', {
          model,
        });
      }
      this.openUntilMs = Date.now() + this.openMs;
    }
    try {
      const vectors = await this.embedder.embed(texts, purpose, signal);
      this.failures = 0;
      return vectors;
    } catch (error) {
      if (error instanceof ServiceError && error.code === 'nexus.embedder_unavailable') {
        this.failures++;
        this.openUntilMs = Date.now() + this.openMs;
      }
      throw error;
    }
  }
}
