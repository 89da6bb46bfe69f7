import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { decodeRecord } from '../codec.js';
import { decodeNexusRecord } from '../nexus-codec.js';
import { exampleOf, type GoldenFile, goldenFiles } from './golden.js';

const folder = fileURLToPath(new URL('../../golden/', import.meta.url));
const files = goldenFiles();
const UPDATE = process.env.UPDATE_GOLDEN === '1';

const CHANGED =
  'A contract changes only by an added optional field, or as a new version beside the old one: records of this shape ' +
  'lie on Kafka and in the journal, and producers in other languages make them. If it is an added optional field, ' +
  'write the file anew: UPDATE_GOLDEN=1 npx jest libs/contracts/src/render/golden';

if (UPDATE) {
  mkdirSync(folder, { recursive: true });
  for (const { name, content } of files) writeFileSync(`${folder}${name}`, textOf(content));
}

function textOf(content: GoldenFile): string {
  return `${JSON.stringify(content, null, 2)}\n`;
}

function read(name: string): string {
  return readFileSync(`${folder}${name}`, 'utf8');
}

describe('golden files', () => {
  it('are there for every event in every version, and for no other', () => {
    expect(readdirSync(folder).sort()).toEqual(files.map(({ name }) => name).sort());
  });

  it.each(files)('$name is as it was frozen', ({ name, content }) => {
    if (read(name) !== textOf(content)) throw new Error(`${name} differs from the code. ${CHANGED}`);
  });

  // What another language has in hand: the files alone.
  it.each(files)('$name: the examples fit the JSON Schema, and nothing else does', ({ name }) => {
    const golden = JSON.parse(read(name)) as GoldenFile;
    const validate = new Ajv({ strict: true, allErrors: true }).compile(golden.schema);

    expect([validate(golden.record.value), validate.errors]).toEqual([true, null]);
    expect([validate(golden.minimal), validate.errors]).toEqual([true, null]);
    expect(validate({ ...golden.minimal, a_field_of_tomorrow: { any: ['thing'] } })).toBe(true);
    for (const field of Object.keys(golden.minimal)) {
      expect(validate({ ...golden.minimal, [field]: undefined })).toBe(false);
    }
    const wrong = name.startsWith('nexus.') ? { space: 'handbook' } : { run_id: 'run_1' };
    expect(validate({ ...golden.record.value, ...wrong })).toBe(false);
    expect(validate([])).toBe(false);
  });

  it.each(files)('$name: its record is read as the event that it was', ({ name, content }) => {
    const { key, headers, value } = (JSON.parse(read(name)) as GoldenFile).record;
    const decode = name.startsWith('nexus.') ? decodeNexusRecord : decodeRecord;
    const decoded = decode({ key: Buffer.from(key), headers, value: Buffer.from(JSON.stringify(value)) });
    expect(decoded).toEqual({ event: exampleOf(content.record.headers.ce_type as 'run.created') });
  });
});
