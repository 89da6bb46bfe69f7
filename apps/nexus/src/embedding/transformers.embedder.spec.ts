import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
let folder: string;

/** Runs the embedder over a folder in a process of its own; what it answers. */
async function embedIn(path: string, ...args: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    here('../spaces/typescript-hooks.fixture.mjs'),
    here('./embed-locally.fixture.ts'),
    path,
    ...args,
  ]);
  return JSON.parse(stdout) as Record<string, unknown>;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runspine-model-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const installed = (() => {
  try {
    createRequire(import.meta.url).resolve('@huggingface/transformers');
    createRequire(import.meta.url).resolve('onnxruntime-node');
    return true;
  } catch {
    return false;
  }
})();
// An optional package: its download may be refused. Then only how its absence is told can be seen.
const withPackage = installed ? it : it.skip;

describe('the transformers embedder', () => {
  withPackage('embeds by a model in a local folder', async () => {
    const { model, dimension, documents, question, many } = (await embedIn(join(folder, 'tiny'))) as unknown as {
      model: string;
      dimension: number;
      documents: number[][];
      question: number[];
      many: number;
    };
    const cosine = (a: number, b: number) =>
      documents[a]!.reduce((sum, value, at) => sum + value * documents[b]![at]!, 0);

    expect(model).toBe('transformers:tiny');
    expect(dimension).toBe(3);
    expect(cosine(0, 0)).toBeCloseTo(1, 5);
    expect(cosine(0, 1)).toBeGreaterThan(0.98);
    expect(cosine(0, 2)).toBeLessThan(0.1);
    expect(cosine(0, 3)).toBeCloseTo(cosine(2, 3), 1);
    expect(question[0]).toBeCloseTo(documents[0]![0]!, 5);
    expect(many).toBe(40);
  });

  withPackage('says what is wrong with a folder that holds no model', async () => {
    expect(await embedIn(folder, 'as it is')).toMatchObject({
      code: 'nexus.embedder_invalid',
      message: expect.stringContaining('config.json'),
    });
  });

  it('names the package to install where it is not there', async () => {
    expect(await embedIn(join(folder, 'tiny'), 'without the package')).toMatchObject({
      code: 'nexus.embedder_invalid',
      message: expect.stringContaining('npm install @huggingface/transformers'),
    });
  });
});
