import { type ExplainAnswer, type NexusAnswer, ServiceError, type SpaceKey } from '@runspine/contracts';
import type { Identity } from '@runspine/request-context';
import type { Signer } from '@runspine/service';
import { VersionGone } from '../spaces/pinned-space.js';
import type { AnswerRecord, AnswerRecords } from './answer-records.js';
import type { Candidate } from './candidates.js';
import { capped } from './caps.js';
import { explanations, searchedReport } from './explanation.js';
import { pageRowCache, readPage, readTexts } from './page.js';
import { type AskedAt, Positions, type Resumed } from './positions.js';
import { type QueryPlan, readQuery } from './query-plan.js';
import { type EmbedderOf, modeOf, queryVectors, type QueryVectors } from './query-vectors.js';
import { rerank, type RerankerOf } from './reranking.js';
import { type Retrieved, retrieve, type RowCaches } from './retrieval.js';
import { type OpenSources, openSources, ownSpace, type SpaceOpener } from './sources.js';
import { textRowCache } from './text-source.js';
import { vectorRowCache } from './vector-search.js';

export interface QueryEngineParts {
  readonly spaces: SpaceOpener;
  readonly records: Pick<AnswerRecords, 'put' | 'get'>;
  readonly signer: Signer;
  readonly embedderOf: EmbedderOf;
  readonly rerankerOf: RerankerOf;
  /** Bound of what is kept of rows at pinned versions, half of it for vectors. @default 192 MiB */
  readonly rowCacheBytes?: number;
  /** Milliseconds of a clock that never goes back. */
  readonly nowMs?: () => number;
}

const ROW_CACHE_BYTES = 192 * 1024 * 1024;

/** Times of a query's parts, in milliseconds. */
export type Timings = Record<'open' | 'embed' | 'retrieve' | 'rank' | 'read', number>;

/** The whole ranked list of a query at pinned versions, before it is sliced. */
export interface RankedList {
  readonly plan: QueryPlan;
  readonly at: AskedAt;
  readonly opened: OpenSources;
  readonly vectors: QueryVectors | undefined;
  readonly retrieved: Retrieved;
  readonly list: readonly Candidate[];
  readonly scoreKind: NexusAnswer['score_kind'];
  readonly reranker: string | undefined;
  /** The list was cut: by the depth, or by what a reranker takes. */
  readonly cut: boolean;
  readonly offset: number;
  readonly startedMs: number;
  readonly timings: Timings;
}

/** Answers queries over a tenant's space and the global one of its surface, as if both were one corpus. */
export class QueryEngine {
  private readonly positions: Positions;
  private readonly nowMs: () => number;
  private readonly caches: RowCaches;

  constructor(private readonly parts: QueryEngineParts) {
    this.positions = new Positions(parts.signer);
    this.nowMs = parts.nowMs ?? (() => performance.now());
    const quarter = (parts.rowCacheBytes ?? ROW_CACHE_BYTES) / 4;
    this.caches = {
      text: textRowCache(quarter),
      vector: vectorRowCache(2 * quarter),
      page: pageRowCache(quarter),
    };
  }

  /** @throws ServiceError of `nexus.*`, and of the store's route. */
  async query(identity: Identity, spaceId: string, body: unknown, signal: AbortSignal): Promise<NexusAnswer> {
    return this.ranked(identity, spaceId, body, signal, (space, ranked) => this.answer(space, ranked));
  }

  /** The same answer, each hit with its rank and score by modality and source. @throws ServiceError as `query` does. */
  async explain(identity: Identity, spaceId: string, body: unknown, signal: AbortSignal): Promise<ExplainAnswer> {
    return this.ranked(identity, spaceId, body, signal, async (space, ranked) => {
      const answer = await this.answer(space, ranked);
      const explain = explanations(ranked);
      const { timings, retrieved } = ranked;
      const candidates = Object.fromEntries(
        (['vector', 'text'] as const).flatMap((name) => {
          const counts = retrieved[name]?.found;
          return counts ? [[name, counts]] : [];
        }),
      );
      return {
        ...answer,
        hits: answer.hits.map((hit, index) => ({ ...hit, explanation: explain(pageOf(ranked)[index] as Candidate) })),
        searched: { ...answer.searched, candidates, statistics: statisticsOf(retrieved), timings_ms: timings },
      };
    });
  }

  private async ranked<Answer>(
    identity: Identity,
    spaceId: string,
    body: unknown,
    signal: AbortSignal,
    use: (space: SpaceKey, ranked: RankedList) => Promise<Answer>,
  ): Promise<Answer> {
    const startedMs = this.nowMs();
    const plan = readQuery(body);
    const space = ownSpace(identity, spaceId);
    const resumed = this.positions.resume(space, plan);
    const opened = await this.open(space, plan, resumed);
    try {
      return await use(space, await this.rank(space, plan, resumed, opened, startedMs, signal));
    } finally {
      opened.release();
    }
  }

  private async open(space: SpaceKey, plan: QueryPlan, resumed: Pick<Resumed, 'versions'> | undefined) {
    try {
      return await openSources(this.parts.spaces, space, plan.includeGlobal, resumed?.versions);
    } catch (error) {
      if (error instanceof VersionGone && resumed !== undefined) throw gone(plan);
      throw error;
    }
  }

  private async rank(
    space: SpaceKey,
    plan: QueryPlan,
    resumed: Resumed | Pick<Resumed, 'versions'> | undefined,
    opened: OpenSources,
    startedMs: number,
    signal: AbortSignal,
  ): Promise<RankedList> {
    const times = stopwatch(this.nowMs, startedMs);
    times.lap('open');
    const { sources, versions } = opened;
    const { embedderOf, rerankerOf } = this.parts;
    const before = resumed !== undefined && 'mode' in resumed ? resumed : undefined;
    // A space that a resumed query knew and that is gone since takes its versions with it.
    if (
      resumed &&
      (versions.own !== resumed.versions.own || (plan.includeGlobal && versions.global !== resumed.versions.global))
    ) {
      throw gone(plan);
    }
    const kept = before?.record === undefined ? undefined : await this.parts.records.get(space, before.record);
    if (before?.record !== undefined && kept === undefined) throw gone(plan);
    const mode = before?.mode ?? modeOf(plan, sources, embedderOf);
    const depth = before?.depth ?? plan.depth;
    const keptVectors = kept?.vectors?.map((vector) => (vector === null ? undefined : floatsOf(vector)));
    const searchesVectors = mode !== 'text' && sources.length > 0;
    const vectors = searchesVectors ? await queryVectors(plan, sources, keptVectors, embedderOf, signal) : undefined;
    signal.throwIfAborted();
    times.lap('embed');
    const retrieved = await retrieve(plan, mode, depth, sources, vectors, this.caches);
    signal.throwIfAborted();
    times.lap('retrieve');
    const byCaps = this.capped(plan, opened, retrieved.list);
    const texts = (head: readonly Candidate[]) => readTexts(head, sources, this.caches.page);
    const reranked = await rerank(plan, byCaps, texts, kept, rerankerOf, signal);
    const list = reranked ? this.capped(plan, opened, reranked.list) : byCaps;
    times.lap('rank');
    const record = before?.record ?? (await this.keep(space, vectors, reranked));
    return {
      plan,
      opened,
      vectors,
      retrieved,
      list,
      startedMs,
      timings: times.laps,
      at: { versions, mode, depth, ...(record !== undefined && { record }) },
      scoreKind: reranked ? 'rerank' : retrieved.scoreKind,
      reranker: reranked?.model,
      cut: retrieved.full || (reranked !== undefined && reranked.list.length < byCaps.length),
      offset: before?.offset ?? 0,
    };
  }

  private capped(plan: QueryPlan, { sources }: OpenSources, list: readonly Candidate[]): Candidate[] {
    return capped(list, plan.caps, plan.topK, ({ source }) => sources[source]?.scope ?? 'tenant');
  }

  /** Keeps what could not be worked out again. */
  private async keep(space: SpaceKey, vectors: QueryVectors | undefined, reranked: Awaited<ReturnType<typeof rerank>>) {
    if (!vectors?.remote && reranked === undefined) return undefined;
    const record: AnswerRecord = {
      ...(vectors?.remote && { vectors: vectors.bySource.map((vector) => (vector ? textOf(vector) : null)) }),
      ...(reranked && {
        reranked: reranked.list.map(({ source, id, score }) => [source, id, score] as const),
        reranker: reranked.model,
      }),
    };
    return this.parts.records.put(space, record);
  }

  private async answer(space: SpaceKey, ranked: RankedList): Promise<NexusAnswer> {
    const { plan, at, opened, list, offset, timings } = ranked;
    const page = pageOf(ranked);
    const readMs = this.nowMs();
    const hits = await readPage(page, opened.sources, plan.include, this.caches);
    timings.read = round(this.nowMs() - readMs);
    if (plan.include.has('scores')) {
      const explain = explanations(ranked);
      hits.forEach((hit, index) => (hit.scores = scoresOf(explain(page[index] as Candidate))));
    }
    const end = offset + page.length;
    const more = end < list.length;
    return {
      hits,
      score_kind: ranked.scoreKind,
      next_cursor: more ? this.positions.cursor(space, plan, at, end) : null,
      ...(!more && ranked.cut && { truncated: true }),
      snapshot: this.positions.snapshot(space, plan, at),
      searched: searchedReport(ranked, round(this.nowMs() - ranked.startedMs)),
    };
  }
}

function pageOf({ list, offset, plan }: RankedList): readonly Candidate[] {
  return list.slice(offset, offset + plan.topK);
}

/** What a resumed query needs is no longer there. */
function gone(plan: QueryPlan): ServiceError {
  return new ServiceError(plan.cursor === undefined ? 'nexus.snapshot_expired' : 'nexus.cursor_invalid');
}

function scoresOf(explanation: ReturnType<ReturnType<typeof explanations>>) {
  return Object.fromEntries(
    Object.entries(explanation).flatMap(([name, place]) => (place ? [[name, place.score]] : [])),
  );
}

function statisticsOf({ text }: Retrieved) {
  if (text === undefined) return null;
  const { chunks, tokens, documentFrequency } = text.statistics;
  return {
    chunks,
    tokens,
    mean_length: chunks === 0 ? 0 : tokens / chunks,
    document_frequency: Object.fromEntries(documentFrequency),
    scored: text.scored,
  };
}

function stopwatch(nowMs: () => number, startedMs: number) {
  const laps: Timings = { open: 0, embed: 0, retrieve: 0, rank: 0, read: 0 };
  let lastMs = startedMs;
  const lap = (name: keyof Timings) => {
    laps[name] = round(nowMs() - lastMs);
    lastMs = nowMs();
  };
  return { laps, lap };
}

const round = (ms: number) => Math.round(ms * 100) / 100;

function textOf(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
}

function floatsOf(text: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  return new Float32Array(bytes.buffer);
}
