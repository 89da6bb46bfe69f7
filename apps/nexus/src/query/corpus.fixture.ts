import { readdirSync, readFileSync } from 'node:fs';
import { Index } from '@lancedb/lancedb';
import type { SpaceKey } from '@runspine/contracts';
import type { Embedder } from '../embedding/embedder.js';
import { TOKENIZER } from '../spaces/space-schema.js';
import type { SpaceStore } from '../spaces/space-store.js';

/** A corpus of one's own: texts with vectors, and questions with what answers them. */
export interface Corpus {
  readonly name: string;
  readonly documents: readonly CorpusDocument[];
  readonly questions: readonly Question[];
}

export interface CorpusDocument {
  readonly id: string;
  readonly topic: number;
  readonly text: string;
  readonly vector: Float32Array;
}

export interface Question {
  readonly text: string;
  readonly vector: Float32Array;
  /** Document id → grade; what is not in it is 0. */
  readonly grades: ReadonlyMap<string, number>;
}

/** Mulberry32: the same numbers everywhere. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const DIMENSION = 32;

/**
 * Generated topics of subtopics. A text draws its words from its subtopic's, its topic's and a common Zipf vocabulary;
 * a vector is its subtopic's direction and noise. A question draws from a subtopic: its documents have grade 2, the
 * topic's others 1.
 */
export function generatedCorpus(documentCount: number, questionCount: number, seed = 1): Corpus {
  const random = randomOf(seed);
  const topics = 12;
  const subtopics = 5;
  const name = (...parts: number[]) => `q${parts.map((part) => (part + 10).toString(36)).join('')}`;
  const common = () => name(99, Math.floor(3000 ** random()));
  const ofTopic = (topic: number) => name(1, topic, Math.floor(60 ** random()));
  const ofSubtopic = (topic: number, sub: number) => name(2, topic, sub, Math.floor(25 ** random()));
  const directions = Array.from({ length: topics * subtopics }, () => direction(random));
  const words = (count: number, topic: number, sub: number, share: number) =>
    Array.from({ length: count }, () => {
      const draw = random();
      return draw < share ? ofSubtopic(topic, sub) : draw < 2 * share ? ofTopic(topic) : common();
    }).join(' ');
  const near = (topic: number, sub: number, noise: number) =>
    normalised(mixed(directions[topic * subtopics + sub] as Float32Array, direction(random), noise));
  const place = () => [Math.floor(topics * random() ** 1.5), Math.floor(subtopics * random())] as const;
  const placed = new Map<string, readonly [number, number]>();
  const documents = Array.from({ length: documentCount }, (_, index) => {
    const [topic, sub] = place();
    const id = `doc-${index}`;
    placed.set(id, [topic, sub]);
    return {
      id,
      topic,
      text: words(20 + Math.floor(120 * random() ** 2), topic, sub, 0.12),
      vector: near(topic, sub, 1.6),
    };
  });
  const questions = Array.from({ length: questionCount }, () => {
    const [topic, sub] = place();
    const grades = new Map<string, number>();
    for (const [id, at] of placed) if (at[0] === topic) grades.set(id, at[1] === sub ? 2 : 1);
    return { text: words(2 + Math.floor(4 * random()), topic, sub, 0.3), vector: near(topic, sub, 1.2), grades };
  });
  return { name: 'generated', documents, questions };
}

/**
 * The repository's own documents and sources, a paragraph a document. Questions are headings and names of files with
 * words of a paragraph: the paragraph has grade 3, its section 2, its file 1. Vectors are the embedder's.
 */
export async function repositoryCorpus(root: string, embedder: Embedder, questionCount: number): Promise<Corpus> {
  const signal = new AbortController().signal;
  const random = randomOf(7);
  const sections: { file: number; section: number; text: string; id: string }[] = [];
  const files = filesOf(root);
  let section = 0;
  files.forEach((file, index) => {
    for (const [at, paragraph] of readFileSync(`${root}/${file}`, 'utf8')
      .split(/\n\s*\n/)
      .entries()) {
      if (/^(#|export|\/\*\*)/.test(paragraph)) section++;
      if (paragraph.length > 60)
        sections.push({ file: index, section, text: paragraph.slice(0, 2000), id: `${file}:${at}` });
    }
  });
  const vectors = await embedder.embed(
    sections.map(({ text }) => text),
    'document',
    signal,
  );
  const documents = sections.map(({ id, file, text }, index) => ({
    id,
    topic: file,
    text,
    vector: vectors[index] as Float32Array,
  }));
  const asked = Array.from({ length: questionCount }, () => {
    const target = sections[Math.floor(random() * sections.length)] as (typeof sections)[number];
    const words = target.text.split(/[^A-Za-z]+/).filter((word) => word.length > 3);
    const text = Array.from(
      { length: 3 + Math.floor(3 * random()) },
      () => words[Math.floor(random() * words.length)] ?? 'run',
    ).join(' ');
    const grades = new Map<string, number>();
    for (const { id, file, section: of } of sections) {
      if (file === target.file) grades.set(id, id === target.id ? 3 : of === target.section ? 2 : 1);
    }
    return { text, grades };
  });
  const asVectors = await embedder.embed(
    asked.map(({ text }) => text),
    'query',
    signal,
  );
  const questions = asked.map((question, index) => ({ ...question, vector: asVectors[index] as Float32Array }));
  return { name: 'repository', documents, questions };
}

function filesOf(root: string): string[] {
  const found = readdirSync(root, { recursive: true, encoding: 'utf8' });
  return found.filter((file) => /^(docs\/.*\.md|README\.md|(libs|apps)\/[a-z-]+\/src\/.*\.ts)$/.test(file)).sort();
}

/** Puts documents into a space, some commits, then the text index as housekeeping would make it. */
export async function fill(
  store: SpaceStore,
  space: SpaceKey,
  documents: readonly CorpusDocument[],
  index: boolean,
): Promise<void> {
  const dimension = documents[0]?.vector.length ?? DIMENSION;
  for (let from = 0; from < documents.length; from += 500) {
    const changes = documents.slice(from, from + 500).map(({ id, topic, text, vector }) => ({
      documentId: id,
      sourceOffset: from,
      type: `topic-${topic}`,
      occurredAt: new Date(Date.UTC(2026, 0, 1 + topic)).toISOString(),
      chunks: [{ text, vector, metadata: { topic, words: text.length } }],
    }));
    await store.commit(space, { model: `hash-${dimension}`, dimension }, changes);
  }
  if (index) await indexText(store, space);
}

export async function indexText(store: SpaceStore, space: SpaceKey): Promise<void> {
  const table = await store.tables.open(space);
  await table?.createIndex('text', { config: Index.fts({ ...TOKENIZER, withPosition: false }), replace: true });
  table?.close();
}

/** A list's entry: what stands there, and by which score. */
export type Scored = readonly [id: string, score: number];

/**
 * nDCG of the best ten, gains 2^grade - 1. Entries of equal scores stand in no order: each has the mean gain of all of
 * them, also of those behind the tenth place (McSherry and Najork, ECIR 2008), since another order would be as right.
 */
export function ndcg10(list: readonly Scored[], grades: ReadonlyMap<string, number>): number {
  const gains = list.map(([id]) => 2 ** (grades.get(id) ?? 0) - 1);
  const wanted = [...grades.values()].sort((one, other) => other - one).map((grade) => 2 ** grade - 1);
  const ideal = discounted(wanted);
  return ideal === 0 ? 0 : discounted(amongEquals(list, gains)) / ideal;
}

function discounted(gains: readonly number[]): number {
  return gains.slice(0, 10).reduce((sum, gain, at) => sum + gain / Math.log2(at + 2), 0);
}

function amongEquals(list: readonly Scored[], gains: readonly number[]): number[] {
  const shared: number[] = [];
  for (let from = 0, to = 0; from < list.length; from = to) {
    const score = (list[from] as Scored)[1];
    // Sums in another order differ in their last digits.
    while (to < list.length && Math.abs((list[to] as Scored)[1] - score) <= 1e-6 * Math.abs(score)) to++;
    const mean = gains.slice(from, to).reduce((sum, gain) => sum + gain, 0) / (to - from);
    for (let at = from; at < to; at++) shared.push(mean);
  }
  return shared;
}

export function direction(random: () => number): Float32Array {
  return normalised(Float32Array.from({ length: DIMENSION }, () => random() + random() + random() - 1.5));
}

function mixed(one: Float32Array, other: Float32Array, weight: number): Float32Array {
  return one.map((value, at) => value + weight * (other[at] as number));
}

function normalised(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
