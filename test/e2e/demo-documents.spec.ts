import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkDocuments } from '../../deploy/local/demo/demo.ts';
import { idsOf, quickNexus, Spaces } from '../stack/spaces.js';
import { startStack, type Stack } from '../stack/stack.js';

/** What `npm start` records, over a project whose documents come and go; the real services. */
let stack: Stack;
let root: string;
let shown = '';

beforeAll(async () => {
  stack = await startStack({ gateways: 1, nexuses: 1, settings: await quickNexus() });
  root = mkdtempSync(join(tmpdir(), 'runspine-demo-'));
  mkdirSync(join(root, 'docs'));
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    shown += String(text);
    return true;
  });
});
afterAll(async () => {
  jest.restoreAllMocks();
  rmSync(root, { recursive: true, force: true });
  await stack.close();
});

const write = (path: string, text: string) => writeFileSync(join(root, path), text);
const drop = (path: string) => rmSync(join(root, path));

/** The newest run's ingest step, as the API shows it. */
async function ingestStep(): Promise<{
  status: string;
  output: { removed: number; paths: string[]; documents: number };
}> {
  const runs = (await stack.http().get('/v1/runs?room=documents&limit=1')).body as { items: { run_id: string }[] };
  const steps = (await stack.http().get(`/v1/runs/${runs.items[0]!.run_id}/steps`)).body as {
    items: { name: string; status: string; output: never }[];
  };
  return steps.items.find(({ name }) => name === 'ingest')!;
}

/** The pipeline as a start runs it. @returns its ingest step, what the space finds of `words`, and what was shown */
async function start(words = 'lighthouse') {
  shown = '';
  await checkDocuments({ gateway: stack.gateways[0]!.address, root });
  const { hits } = await new Spaces(stack.http()).ask('documents', { query: words, top_k: 100 });
  return { ...(await ingestStep()), found: idsOf(hits).sort(), shown };
}

it('removes what left the project since an earlier start, and nothing else', async () => {
  write('README.md', 'The lighthouse stands on a rock.');
  write('docs/a guide, #1.md', '# Guide\n\nHow the lighthouse is lit.');
  write('docs/old.md', '# Old\n\nThe lighthouse before the war.');
  const first = await start();
  expect(first).toMatchObject({ status: 'completed', output: { removed: 0, documents: 3 } });
  expect(first.found).toEqual(['README.md', 'docs/a guide, #1.md', 'docs/old.md']);
  expect(first.shown).not.toContain('no longer in the project');

  drop('docs/old.md');
  drop('docs/a guide, #1.md');
  write('docs/new.md', '# New\n\nThe lighthouse now.');
  const second = await start();
  expect(second.output).toMatchObject({ removed: 2, documents: 2, paths: ['README.md', 'docs/new.md'] });
  expect(second.found).toEqual(['README.md', 'docs/new.md']);
  expect(second.shown).toMatch(
    /removed +ingest +2 documents that are no longer in the project: docs\/a guide, #1\.md, /,
  );

  expect((await start()).output.removed).toBe(0);
  write('docs/old.md', '# Old\n\nThe lighthouse is back.');
  expect(await start()).toMatchObject({ output: { removed: 0 }, found: ['README.md', 'docs/new.md', 'docs/old.md'] });
}, 120_000);

it('removes a document that says nothing any more', async () => {
  write('docs/new.md', '\n');
  expect(await start()).toMatchObject({ output: { removed: 1 }, found: ['README.md', 'docs/old.md'] });
  expect((await start()).output.removed).toBe(0);
}, 120_000);

it('removes what starts that broke off left, too', async () => {
  write('docs/half.md', '# Half\n\nThe lighthouse, half written.');
  await new Spaces(stack.http()).put('documents', [{ document_id: 'docs/half.md', text: 'Half a lighthouse.' }]);
  const http = stack.http();
  const run = (await http.post('/v1/runs', { room_id: 'documents', stage: 'documents', name: 'check documents' }))
    .body as { run_id: string };
  await http.post(`/v1/runs/${run.run_id}/start`, {});
  const step = (await http.post(`/v1/runs/${run.run_id}/steps`, { name: 'find' })).body as { step_id: string };
  await http.post(`/v1/runs/${run.run_id}/steps/${step.step_id}/start`, {});
  const output = { documents: ['README.md', 'docs/half.md', 'docs/old.md'] };
  await http.post(`/v1/runs/${run.run_id}/steps/${step.step_id}/complete`, { output });
  drop('docs/half.md');
  drop('docs/old.md');
  expect(await start()).toMatchObject({ output: { removed: 2, paths: ['README.md'] }, found: ['README.md'] });
}, 120_000);
