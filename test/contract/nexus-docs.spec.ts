import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { quickNexus } from '../stack/spaces.js';
import { startStack, type Stack } from '../stack/stack.js';

// Real: everything, and the shell and curl of this machine.

const root = fileURLToPath(new URL('../..', import.meta.url));

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ gateways: 1, nexuses: 1, settings: await quickNexus() });
}, 120_000);
afterAll(() => stack.close());

describe('docs/nexus.md', () => {
  it('has curl lines that work as printed, one after the other', async () => {
    const page = readFileSync(`${root}/docs/nexus.md`, 'utf8');
    const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, lines]) => lines!);
    const address = 'API=http://127.0.0.1:8080\n';
    expect(blocks[0]!.startsWith(address)).toBe(true);
    const script = blocks.join('echo -----\n').replace(address, `API=${stack.gateways[0]!.address}\n`);

    const bash = ['--norc', '--noprofile', '-eu', '-o', 'pipefail', '-c', script];
    const { stdout, stderr } = await promisify(execFile)('bash', bash, { cwd: root });
    const answers = stdout.split('-----\n');
    expect(stderr).toBe('');
    expect(stdout).not.toContain('"error":');
    expect(answers).toHaveLength(blocks.length);
    const [task, own, merged, pages, past, explained, blob, vectors, step, spaces, research, routes] = answers;
    expect(task).toContain('"task_id"');
    expect(own).toMatch(/"document_id":"rye".*sixteen hours/);
    expect(merged).toContain('"source_scope":"global"');
    expect(pages).toMatch(/"document_id":"baguette".*\n.*"document_id":"rye"/);
    expect(past).toMatch(/^\{"hits":\[\].*\n.*"document_id":"custard"/);
    expect(explained).toContain('"source_rank"');
    expect(blob).toContain('"task_id"');
    expect(vectors).toMatch(/"id":"red#0".*"id":"orange#0"/);
    expect(step).toContain('"type":"step.retrieved"');
    expect(spaces).toContain('"space_id":"recipes"');
    expect(research).toMatch(/"id":"study-1".*"kind":"ingest","status":"completed".*"cards":1,"atoms":1,"searches":1/);
    expect(routes).toContain('"kind":"nexus_store"');
  });
});
