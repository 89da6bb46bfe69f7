import { ServiceError } from '@runspine/contracts';
import { Gate, GateFull } from '../../remote/gate.js';
import { postJson, RemoteFault, type RemoteOptions } from '../../remote/json-post.js';
import type { Reranker } from '../reranker.js';

/** How a reranking server is used. */
export interface HttpRerankerOptions extends RemoteOptions {
  /** The server's name of the model. */
  readonly model: string;
  /** Of each text that much is sent: a model reads no more. @default 8000 characters */
  readonly textCharsMax?: number;
  /** Requests at once, in the whole process. @default 4 */
  readonly concurrency?: number;
}

const ANSWER_BYTES_MAX = 4 * 1024 * 1024;

/** `POST {url}` in the shape of Cohere and Jina: {model, query, documents, top_n} → {results: [{index, relevance_score}]}. */
export class HttpReranker implements Reranker {
  readonly model: string;
  private readonly gate: Gate;

  constructor(private readonly options: HttpRerankerOptions) {
    this.model = options.model;
    this.gate = new Gate(options.concurrency ?? 4, 200);
  }

  async score(query: string, texts: readonly string[], signal: AbortSignal): Promise<number[]> {
    if (texts.length === 0) return [];
    const documents = texts.map((text) => cut(text, this.options.textCharsMax ?? 8000));
    const body = { model: this.model, query, documents, top_n: documents.length, return_documents: false };
    const remote = { answerBytesMax: ANSWER_BYTES_MAX, ...this.options };
    let answer: unknown;
    try {
      answer = await this.gate.run(() => postJson(remote, body, signal), { urgent: true, signal });
    } catch (error) {
      if (error instanceof GateFull) throw this.fault('nexus.reranker_unavailable', 'it is busy', error);
      if (!(error instanceof RemoteFault)) throw error;
      throw this.fault(error.retryable ? 'nexus.reranker_unavailable' : 'nexus.reranker_invalid', error.message, error);
    }
    return this.read(answer, texts.length);
  }

  private read(answer: unknown, count: number): number[] {
    const results = (answer as { results?: unknown } | null)?.results;
    if (!Array.isArray(results)) throw this.invalid('the answer has no list `results`');
    if (results.length !== count) throw this.invalid(`${results.length} scores came for ${count} texts`);
    const scores = new Array<number | undefined>(count).fill(undefined);
    for (const entry of results) {
      const { index, relevance_score: score } = (entry ?? {}) as { index?: number; relevance_score?: number };
      if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= count) {
        throw this.invalid(`index ${index} is out of range`);
      }
      if (scores[index] !== undefined) throw this.invalid(`index ${index} came twice`);
      if (typeof score !== 'number' || !Number.isFinite(score)) throw this.invalid('a score is not a number');
      scores[index] = score;
    }
    return scores as number[];
  }

  private invalid(reason: string): ServiceError {
    return this.fault('nexus.reranker_invalid', reason);
  }

  private fault(
    code: 'nexus.reranker_unavailable' | 'nexus.reranker_invalid',
    reason: string,
    cause?: unknown,
  ): ServiceError {
    return new ServiceError(code, `The reranker failed: ${reason}.`, { model: this.model }, { cause });
  }
}

/** The beginning, without half of a surrogate pair at its end. */
function cut(text: string, chars: number): string {
  if (text.length <= chars) return text;
  const last = text.charCodeAt(chars - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? chars - 1 : chars);
}
