import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { codeRefOf } from './code-ref.js';
import { TrackerFixture } from './tracker.fixture.js';
import type { TrackerOptions } from './tracker.js';

let at: TrackerFixture;

beforeEach(async () => {
  at = await TrackerFixture.start();
});

afterEach(() => at.remove());

describe('the version of the code', () => {
  const git = (...args: string[]) =>
    promisify(execFile)('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], { cwd: at.folder });

  it('is unknown without git', async () => {
    expect(await codeRefOf(at.folder)).toEqual({ ref: 'unknown', clean: false });
    const tracking = at.tracker({ codeRef: undefined, cwd: at.folder } as TrackerOptions);
    await tracking.trackStage({ stage: 's' }, () => 1);
    await tracking.flush();
    expect(at.gateway.events[0]!.data).toMatchObject({
      code_ref: 'unknown',
      input_fingerprint: expect.stringMatching(/^sha256:/),
    });
  });

  it('is the commit, marked where the tree has changes', async () => {
    await git('init', '-q');
    writeFileSync(join(at.folder, 'a'), '1');
    await git('add', 'a');
    await git('commit', '-qm', 'a');
    const clean = await codeRefOf(at.folder);
    expect(clean).toEqual({ ref: expect.stringMatching(/^[0-9a-f]{40}$/), clean: true });
    expect(await codeRefOf(`${at.folder}/`)).toEqual(clean);
    writeFileSync(join(at.folder, 'a'), '2');
    expect(await codeRefOf(`${at.folder}/.`)).toEqual({ ref: `${clean.ref}-dirty`, clean: false });
  });
});
