import 'reflect-metadata';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ERRORS } from '@runspine/contracts';
import { renderOpenApi } from './render-openapi.js';

interface Operation {
  summary?: string;
  parameters?: { name: string; in: string; description?: string; schema?: object }[];
  responses: Record<string, { description: string; content?: Record<string, { schema?: object }> }>;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

describe('the OpenAPI document (no server)', () => {
  let text: string;
  let document: Document;
  let operations: [string, Operation][];

  beforeAll(async () => {
    text = await renderOpenApi();
    document = JSON.parse(text) as Document;
    operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [`${method} ${path}`, operation] as [string, Operation]),
    );
  });

  it('is what docs/openapi.json has; else run: node apps/gateway/dist/openapi.js', async () => {
    const file = join(import.meta.dirname, '../../../../docs/openapi.json');
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(document);
  });

  it('refers to schemas that are there', () => {
    const names = [...text.matchAll(/"\$ref": "#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name!);
    expect(names.length).toBeGreaterThan(50);
    expect([...new Set(names)].filter((name) => !(name in document.components.schemas))).toEqual([]);
  });

  it('describes every route, each of its parameters, and an answer when all is well', () => {
    for (const [name, { summary, parameters = [], responses }] of operations) {
      expect({ name, summary }).toEqual({ name, summary: expect.any(String) });
      expect(Object.keys(responses).some((status) => status.startsWith('2'))).toBe(true);
      for (const parameter of parameters) {
        expect({ name, parameter }).toMatchObject({ parameter: { description: expect.stringMatching(/./) } });
      }
      const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
      expect(parameters.filter((one) => one.in === 'path').map((one) => one.name)).toEqual(inPath);
    }
  });

  it('names under each failing status only codes of the registry that have it', () => {
    for (const [name, { responses }] of operations) {
      for (const [status, { description }] of Object.entries(responses)) {
        for (const [, code] of description.matchAll(/`([a-z_]+\.[a-z_]+)`: /g)) {
          expect({ name, code, status: ERRORS[code as keyof typeof ERRORS].status }).toEqual({
            name,
            code,
            status: Number(status),
          });
        }
      }
    }
  });
});
