import process from 'node:process';
import OpenAI from 'openai';
import { defaultTracker, trackOpenAI, trackRun } from '@runspine/client';
import { startModelServer } from './model-server.js';

const MODEL = 'small-1';
const SPACE = 'bakery';
const DOCUMENTS = [
  { document_id: 'rye', text: 'Rye bread rests for sixteen hours. It is baked at 240 degrees, falling to 200.' },
  { document_id: 'brioche', text: 'Brioche takes 250 grams of butter to 500 of flour. The butter goes in last.' },
  {
    document_id: 'baguette',
    text: 'Baguettes are scored five times. The oven is filled with steam before they go in.',
  },
];
const QUESTIONS = ['How long does rye bread rest?', 'How much butter is in a brioche?', 'How are baguettes scored?'];

const server = process.env.MODEL_ADDRESS ? undefined : await startModelServer();
const baseURL = process.env.MODEL_ADDRESS ?? server?.address;
// Every call of this client is recorded on the task that makes it: lengths, tokens and times, and no text.
const openai = trackOpenAI(new OpenAI({ baseURL, apiKey: process.env.MODEL_KEY ?? 'none' }));
const tracker = defaultTracker();
const { nexus } = tracker.client;

try {
  await trackRun({ name: 'bakery questions', kind: 'agent', input: QUESTIONS, taskCount: 5 }, agent);
} catch (error) {
  console.error(`The agent failed: ${error.message}`);
  process.exitCode = 1;
}
server?.close();
await tracker.close();

/** Learns, asks everything at once, and puts the answers together. */
async function agent(run) {
  await run.task({ name: 'learn', kind: 'ingest', inputs: { documents: DOCUMENTS.length } }, () =>
    nexus.ingest(SPACE, { documents: DOCUMENTS }, { wait: true }),
  );

  const tasks = QUESTIONS.map((question, at) => ({ question, id: `research-${at + 1}` }));
  const answers = await Promise.all(
    tasks.map(({ question, id }) =>
      run.task({ name: 'research', kind: 'llm', id, inputs: { question } }, (task) => research(task, question)),
    ),
  );

  const dependsOn = tasks.map(({ id }) => id);
  const summary = await run.task({ name: 'summarise', kind: 'llm', dependsOn }, (task) =>
    ask(run, task.id, 'Put these together.', answers),
  );
  console.log(summary);

  // The log of a run is there while it runs, too: as of any entry, and of each task alone.
  const { tasks: known, llmCalls, tokens } = run.log.replayUntil(run.log.size);
  console.log(`${known.size} tasks, ${llmCalls} calls, ${tokens} tokens`);
  console.log(
    `research-1: ${run.log
      .filterTask('research-1')
      .map(({ type }) => type)
      .join(', ')}`,
  );
  console.log(`run ${run.id}`);
  return { summary, answers };
}

async function research(task, question) {
  // The query names the step, which keeps what it found: `runspine nexus replay STEP` asks the same again.
  const step = await task.step();
  const { hits } = await nexus.query(SPACE, { query: question, mode: 'text', top_k: 1, ...step });
  return ask(
    task.run,
    task.id,
    question,
    hits.map((hit) => hit.text ?? ''),
  );
}

async function ask(run, taskId, question, sources) {
  const template = '{question} Answer from the sources alone.\n{sources}';
  const prompt = template
    .replace('{question}', question)
    .replace('{sources}', sources.map((source) => `source: ${source}`).join('\n'));
  run.log.emit('template_resolved', { task_id: taskId, template, result: prompt });
  const messages = [{ role: /** @type {const} */ ('user'), content: prompt }];
  const completion = await openai.chat.completions.create({ model: MODEL, messages });
  const answer = completion.choices[0]?.message.content ?? '';
  run.log.emit('schema_validated', { task_id: taskId, schema_path: 'answer', valid: answer !== '' });
  return answer;
}
