import { setTimeout as sleep } from 'node:timers/promises';
import { paint, say } from '../terminal.mjs';
import { showAnswers } from './answers.ts';
import { findDocuments, readDocuments } from './documents.ts';
import { documentsOfEarlierRuns } from './earlier-runs.ts';
import { ask, type Answered, ingestDocuments, removeDocuments, SPACE } from './knowledge.ts';
import { faultOf, type BrokenLink } from './links.ts';
import { outlineOf } from './markdown.ts';
import { Recorder, StepFailure, type RecordedRun } from './recorder.ts';
import { followRoom } from './room.ts';
import { LiveEvents, showSummary, type ShownRun, type ShownStep } from './screen.ts';

const ROOM = 'documents';
const STAGE = 'documents';
/** The stream is not waited for longer than this after the run ended. */
const LAST_EVENT_MAX_MS = 15_000;
const LISTED_MAX = 200;
const BROKEN_SHOWN = 20;
const QUESTIONS = [
  "How is a run's partition decided?",
  'Which records become dead letters, and how long are they kept?',
  'Why are BM25 statistics pooled over both sources?',
];

/**
 * A tracked pipeline over the project's own documents: find them, read them, extract headings and links, put them into
 * a space and ask it, check that every link leads somewhere. It is recorded over HTTP, shown live from its room's
 * stream, and read back from the API.
 */
export async function checkDocuments({ gateway, root }: { gateway: string; root: string }): Promise<void> {
  say(
    `\n${paint('bold', "A tracked run over this project's documents: what do they say, and do their links lead somewhere?")}`,
  );
  say(paint('grey', `  live from ${gateway}/v1/streams/rooms/${ROOM}`));
  const live = new LiveEvents();
  const closing = new AbortController();
  let terminal: () => void = () => undefined;
  const sawEnd = new Promise<void>((resolve) => (terminal = resolve));
  let ownRun: string | undefined;
  const ends = new Set<string>();
  const stream = await followRoom(
    gateway,
    ROOM,
    (event) => {
      live.show(event);
      if (event.type === 'run.completed' || event.type === 'run.failed') ends.add(event.run_id);
      if (ownRun !== undefined && ends.has(ownRun)) terminal();
    },
    closing.signal,
  );
  const broken = stream.ended.catch((error: unknown) => say(paint('red', `  The stream broke: ${String(error)}`)));
  try {
    const recorder = new Recorder(gateway);
    const answers: Answered[] = [];
    ownRun = await record(recorder, { root, live, answers });
    if (!ends.has(ownRun)) await Promise.race([sawEnd, broken, sleep(LAST_EVENT_MAX_MS, undefined, { ref: false })]);
    if (!ends.has(ownRun))
      say(paint('yellow', `  The stream did not bring the end of the run within ${LAST_EVENT_MAX_MS / 1000} s.`));
    await readBack(recorder, ownRun);
    showAnswers(answers);
  } finally {
    closing.abort();
    await broken;
  }
}

/** What the pipeline works on, where it shows how far it is, and where it leaves its answers. */
interface Work {
  root: string;
  live: LiveEvents;
  answers: Answered[];
}

/** A broken link fails its step and the run; the pipeline itself did what it should. Any other fault is thrown on. */
async function record(recorder: Recorder, work: Work): Promise<string> {
  const run = await recorder.createRun({
    room_id: ROOM,
    name: 'check documents',
    kind: 'pipeline',
    stage: STAGE,
    tags: { source: 'npm start' },
    input: { pattern: '**/*.md' },
  });
  await run.start(6);
  try {
    await run.complete(await pipeline(recorder, run, work));
  } catch (error) {
    await run.fail(error);
    if (!(error instanceof StepFailure)) throw error;
  }
  return run.id;
}

async function pipeline(recorder: Recorder, run: RecordedRun, work: Work): Promise<object> {
  const { root } = work;
  const tree = await run.step('find', { pattern: '**/*.md' }, async () => {
    const found = await findDocuments(root);
    return {
      result: found,
      output: { documents: found.documents },
      rowsIn: found.paths.length,
      rowsOut: found.documents.length,
    };
  });
  const texts = await run.step('read', { documents: tree.documents.length }, async () => {
    const read = await readDocuments(root, tree.documents);
    const bytes = [...read.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    return { result: read, output: { bytes }, rowsIn: tree.documents.length, rowsOut: read.size };
  });
  const outlines = await run.step('extract', { documents: texts.size }, () => {
    const extracted = new Map([...texts].map(([path, text]) => [path, outlineOf(text)]));
    const all = [...extracted.values()];
    const [headings, links] = [all.flatMap((one) => one.headings).length, all.flatMap((one) => one.links).length];
    return { result: extracted, output: { headings, links }, rowsIn: texts.size, rowsOut: headings + links };
  });
  await learn(recorder, run, texts, work);
  return run.step('check links', { documents: outlines.size, paths: tree.paths.length }, () => {
    const targets = { outlines, paths: new Set(tree.paths) };
    const links = [...outlines].flatMap(([file, { links }]) => links.map((link) => ({ file, link })));
    const broken = links.map(({ file, link }) => faultOf(file, link, targets)).filter((fault) => fault !== undefined);
    if (broken.length > 0) throw new StepFailure(failureOf(broken, links.length));
    const summary = { documents: outlines.size, links: links.length, broken: 0 };
    return { result: summary, output: summary, rowsIn: links.length, rowsOut: links.length };
  });
}

/** Puts the documents into the space, removes those that left the project, and asks it what they say. */
async function learn(
  recorder: Recorder,
  run: RecordedRun,
  texts: ReadonlyMap<string, string>,
  { live, answers }: Work,
): Promise<void> {
  const ingested = await run.step('ingest', { space: SPACE, documents: texts.size }, async () => {
    const done = await ingestDocuments(recorder, texts, (task) => live.progress('ingest', task));
    const earlier = await documentsOfEarlierRuns(recorder, { room: ROOM, stage: STAGE }, run.id);
    const gone = [...earlier].filter((path) => !done.paths.includes(path)).sort();
    const tasks = [...done.tasks, ...(await removeDocuments(recorder, gone))];
    if (gone.length > 0) live.removed('ingest', gone);
    const output = { ...done, tasks, removed: gone.length };
    return { result: output, output, rowsIn: done.documents, rowsOut: done.chunks };
  });
  await run.step('ask', { space: SPACE, questions: QUESTIONS.length }, async (ids) => {
    for (const question of QUESTIONS) answers.push(await ask(recorder, question, ids, ingested.tasks.at(-1)));
    const hits = answers.flatMap((answer) => answer.hits).length;
    return { result: hits, output: { questions: QUESTIONS, hits }, rowsIn: QUESTIONS.length, rowsOut: hits };
  });
}

function failureOf(broken: BrokenLink[], links: number) {
  const lines = broken.slice(0, BROKEN_SHOWN).map(describe);
  if (broken.length > lines.length) lines.push(`and ${broken.length - lines.length} more`);
  const [first = ''] = lines;
  const message = broken.length === 1 ? first : `${broken.length} of ${links} links lead nowhere:\n${lines.join('\n')}`;
  return { code: 'link.broken', message, detail: { broken: broken.slice(0, LISTED_MAX), links } };
}

function describe({ file, line, link, reason, suggestion }: BrokenLink): string {
  return `${file}:${line}: ${link}: ${reason}${suggestion === null ? '' : `; did you mean ${suggestion}?`}`;
}

async function readBack(recorder: Recorder, runId: string): Promise<void> {
  const [run, steps, runs] = await Promise.all([
    recorder.read<ShownRun>(`/v1/runs/${runId}`),
    recorder.read<{ items: ShownStep[] }>(`/v1/runs/${runId}/steps`),
    recorder.read<{ items: ShownRun[]; next_cursor: string | null }>(`/v1/runs?room=${ROOM}&limit=${LISTED_MAX}`),
  ]);
  showSummary(run, steps.items, { runs: runs.items, more: Boolean(runs.next_cursor) });
}
