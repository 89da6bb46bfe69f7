import { type RunspineClient, Tracker } from '@runspine/client';
import { until } from './until.js';

/** Runs that the client recorded, as a pipeline records them. */
export interface RecordedRuns {
  /** A stage that went well. */
  readonly good: string;
  /** The same stage, failed in its second step. */
  readonly bad: string;
  /** The run that the failed stage is part of. */
  readonly badParent: string;
  /** A run that has not ended; its name would take over a terminal. */
  readonly open: string;
}

/** Records a pipeline that goes well, the same that fails, and a run that stays open: five runs. */
export async function recordPipelines(client: RunspineClient): Promise<RecordedRuns> {
  const good = await pipeline(client, ',');
  const bad = await pipeline(client, ';');
  const open = await client.runs.create({ name: 'open \u001b]0;title\u0007\u001b[31mred', stage: 'slow' });
  await client.runs.start(open.run_id);
  await until('the runs', async () => (await client.runs.list().first(9)).length === 5);
  return { good: good.stage, bad: bad.stage, badParent: bad.whole, open: open.run_id };
}

async function pipeline(client: RunspineClient, delimiter: string): Promise<{ stage: string; whole: string }> {
  const ids = { stage: '', whole: '' };
  const tracker = new Tracker({ client, spoolDir: false, codeRef: 'abc123' });
  const config = { model: delimiter === ',' ? 'small-1' : 'small-2' };
  const stage = { stage: 'extract', name: 'extract orders', input: { file: 'orders.csv' }, config };
  await tracker
    .trackRun({ name: 'nightly', kind: 'pipeline', tags: { customer: 'acme' } }, async (run) => {
      ids.whole = run.id;
      await tracker.trackStage(stage, async (part) => {
        ids.stage = part.id;
        await part.task({ name: 'download', inputs: { url: 'https://example.com' } }, () => 'ok');
        await part.task({ name: 'parse', inputs: { delimiter } }, () => {
          if (delimiter !== ',') throw new Error('row 2 has 1 column', { cause: new TypeError('no delimiter') });
        });
        part.measure({ rows_in: 3, rows_out: 3, tokens_in: 1200, tokens_out: 300, cost_usd: 0.012 });
      });
    })
    .catch(() => undefined);
  await tracker.close();
  return ids;
}
