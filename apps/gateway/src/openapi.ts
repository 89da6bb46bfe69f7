import 'reflect-metadata';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { renderOpenApi } from './http/render-openapi.js';

// docs/openapi.json, or the file named as the argument.
const file = process.argv[2] ?? join(import.meta.dirname, '../../../docs/openapi.json');
await writeFile(file, await renderOpenApi());
