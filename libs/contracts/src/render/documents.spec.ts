import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { ATTRIBUTES } from '../attributes.js';
import { ERRORS } from '../errors.js';
import { ALL_EVENT_DEFINITIONS } from '../events.js';
import { renderDocuments } from './documents.js';
import { GLOSSARY } from './glossary-page.js';
import { DEAD_LETTER_HEADERS } from './outcome-rules.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, 'utf8');
const { version } = JSON.parse(read('package.json')) as { version: string };
const documents = renderDocuments(version);

describe('the documents', () => {
  it.each(Object.keys(documents))('%s says what the contracts say; otherwise run `npm run docs`', (path) => {
    if (read(path) !== documents[path]) {
      throw new Error(`${path} differs from the contracts. Write it anew with: npm run docs`);
    }
  });

  it('name every code, event, attribute and header', () => {
    for (const code of Object.keys(ERRORS)) expect(documents['docs/errors.md']).toContain(`| \`${code}\` |`);
    for (const { type } of ALL_EVENT_DEFINITIONS) expect(documents['docs/events.md']).toContain(`\n### ${type}\n`);
    for (const name of [...ATTRIBUTES.map((attribute) => `ce_${attribute}`), ...Object.keys(DEAD_LETTER_HEADERS)]) {
      expect(documents['docs/events.md']).toContain(`\`${name}\``);
    }
  });

  it('list words in the order of the alphabet', () => {
    const words = Object.keys(GLOSSARY);
    expect(words).toEqual([...words].sort());
  });
});

/** In a process of its own: the parser's dependencies are CommonJS that Jest's module loader does not read. */
const VALIDATE = `
const { Parser } = require('@asyncapi/parser');
new Parser().parse(require('node:fs').readFileSync(0, 'utf8')).then(({ document, diagnostics }) => {
  const messages = document ? document.allMessages().all().map((message) => message.id()) : [];
  process.stdout.write(JSON.stringify({ messages, diagnostics }));
});
`;

interface Diagnostic {
  code: string;
  message: string;
  path: string[];
  severity: number;
}

async function parseAsyncApi(text: string): Promise<{ messages: string[]; diagnostics: Diagnostic[] }> {
  const running = promisify(execFile)(process.execPath, ['-e', VALIDATE], { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  running.child.stdin?.end(text);
  return JSON.parse((await running).stdout) as { messages: string[]; diagnostics: Diagnostic[] };
}

describe('docs/asyncapi.yaml', () => {
  it('is AsyncAPI to its own parser, without errors or warnings, with a message for each event', async () => {
    const { messages, diagnostics } = await parseAsyncApi(documents['docs/asyncapi.yaml']!);
    expect(
      diagnostics.filter(({ severity }) => severity < 2).map(({ message, path }) => `${path.join('.')}: ${message}`),
    ).toEqual([]);
    expect(new Set(messages)).toEqual(
      new Set([...ALL_EVENT_DEFINITIONS.map(({ type }) => type), 'outcomes', 'deadLetter']),
    );
  });

  it('would be told apart from a broken one', async () => {
    const broken = documents['docs/asyncapi.yaml']!.replace(
      '#/components/messages/run.started',
      '#/components/messages/nobody',
    );
    const { diagnostics } = await parseAsyncApi(broken);
    expect(diagnostics.some(({ severity }) => severity === 0)).toBe(true);
  });
});
