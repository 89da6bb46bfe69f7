import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ServiceError } from '@runspine/contracts';
import type { Embedder } from '../embedding/embedder.js';
import { HashEmbedder } from '../embedding/hash.embedder.js';
import { document } from './documents.fixture.js';
import { RunningIngest } from './running-ingest.fixture.js';

// Real: Kafka, LanceDB, the blob store on a local folder. Not real: embedders that fail on purpose.

let ingest: RunningIngest;

beforeEach(async () => {
  ingest = await RunningIngest.start(process.env);
});
afterEach(() => ingest.stop());

describe('ingest', () => {
  it("is not stopped by one tenant's dead embedder, and goes no further than what is done", async () => {
    const alive = { dead: true };
    const embedderOf = ({ tenantId }: { tenantId: string }): Embedder => {
      const real = new HashEmbedder(16);
      if (tenantId !== 'broken') return real;
      return {
        model: real.model,
        dimension: 16,
        semantic: false,
        embed: (...args) => {
          if (alive.dead) throw new ServiceError('nexus.embedder_unavailable');
          return real.embed(...args);
        },
      };
    };
    await ingest.consume({ embedderOf });
    const stuck = await ingest.ask({ documents: [document('a', 'text')] }, { tenantId: 'broken' });
    const fine = await ingest.ask({ documents: [document('a', 'text')] });

    expect(await ingest.outcome(fine)).toMatchObject({ type: 'nexus.ingest_completed' });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await ingest.committedOffset()).toBeLessThanOrEqual(0);

    expect(await ingest.savedPosition()).toBe(0);

    alive.dead = false;
    expect(await ingest.outcome(stuck)).toMatchObject({ type: 'nexus.ingest_completed' });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await ingest.committedOffset()).toBeGreaterThanOrEqual(2);
    expect(await ingest.savedPosition()).toBeGreaterThanOrEqual(2);
  });

  it('gives up after its time, for later tasks at once, and goes on', async () => {
    let tries = 0;
    const dead: Embedder = {
      model: 'dead',
      dimension: 4,
      semantic: true,
      embed: async () => {
        tries++;
        throw new ServiceError('nexus.embedder_unavailable');
      },
    };
    await ingest.consume({ embedderOf: () => dead, limits: { retryMs: 1000 } });
    const began = Date.now();
    const tasks = [];
    for (let index = 0; index < 5; index++) tasks.push(await ingest.ask({ documents: [document('a', 'text')] }));
    for (const task of tasks) {
      expect(await ingest.outcome(task)).toMatchObject({
        type: 'nexus.ingest_failed',
        errors: [{ document_id: 'a', code: 'nexus.embedder_unavailable' }],
      });
    }
    expect(Date.now() - began).toBeLessThan(8000);
    expect(tries).toBeGreaterThanOrEqual(6);
    const own = await ingest.ask({ documents: [{ document_id: 'b', text: 'own', vector: [1, 2] }] });
    expect(await ingest.outcome(own)).toMatchObject({ type: 'nexus.ingest_completed' });
  });

  it('lets what fails go when it holds all the room', async () => {
    const dead: Embedder = {
      model: 'dead',
      dimension: 4,
      semantic: true,
      embed: async () => {
        throw new ServiceError('nexus.embedder_unavailable');
      },
    };
    await ingest.consume({
      embedderOf: ({ tenantId }) => (tenantId === 'broken' ? dead : new HashEmbedder(16)),
      partition: { tasksMax: 3 },
    });
    for (let index = 0; index < 5; index++) {
      await ingest.ask({ documents: [document('a', 'text')] }, { tenantId: 'broken' });
    }
    const fine = await ingest.ask({ documents: [document('a', 'text')] });

    expect(await ingest.outcome(fine, 20_000)).toMatchObject({ type: 'nexus.ingest_completed' });
  });

  it("tells a document's fault from the embedder's", async () => {
    const picky: Embedder = {
      model: 'picky',
      dimension: 16,
      semantic: true,
      embed: async (texts, purpose, signal) => {
        if (texts.some((text) => text.includes('poison'))) throw new ServiceError('nexus.embedder_invalid');
        return new HashEmbedder(16).embed(texts, purpose, signal);
      },
    };
    await ingest.consume({ embedderOf: () => picky });
    const task = await ingest.ask({
      documents: [document('a', 'good'), document('b', 'poison'), document('c', 'good')],
    });

    expect(await ingest.outcome(task)).toMatchObject({
      documents: 3,
      errors: [{ document_id: 'b', code: 'nexus.embedder_invalid' }],
    });
    expect(Object.keys(await ingest.contents()).sort()).toEqual(['a', 'c']);
  });
});
