import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { gatewaySettings } from '../../apps/gateway/src/config.js';
import { nexusSettings } from '../../apps/nexus/src/config.js';
import { projectorSettings } from '../../apps/projector/src/config.js';
import { cellsOf, markdownTable, settingsTable } from './settings-table.js';

/** What the documents say of the code is true of it. `UPDATE_DOCS=1` writes the tables anew. */
const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const documents = ['README.md', 'CHANGELOG.md', ...filesUnder('docs').filter((path) => path.endsWith('.md'))];

function filesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return ['node_modules', 'dist'].includes(entry.name) ? [] : filesUnder(path);
    return [path];
  });
}

describe('docs/operations.md', () => {
  const table = /<!-- settings -->\n([\s\S]*?)<!-- \/settings -->/;
  const expected = settingsTable({ gateway: gatewaySettings, projector: projectorSettings, nexus: nexusSettings });

  it('lists every setting of the services, and none that is not there', () => {
    const text = read('docs/operations.md');
    const [, written = ''] = table.exec(text) ?? [];
    if (process.env.UPDATE_DOCS === '1') {
      const block = `<!-- settings -->\n\n${markdownTable(expected)}\n\n<!-- /settings -->`;
      writeFileSync(
        join(root, 'docs/operations.md'),
        text.replace(table, () => block),
      );
      return;
    }
    expect(cellsOf(written)).toEqual(cellsOf(markdownTable(expected)));
  });

  it('names every metric of the services, and none that is not there', () => {
    const sources = ['apps/gateway/src', 'apps/projector/src', 'apps/nexus/src', 'libs/service/src/http']
      .flatMap(filesUnder)
      .map(read)
      .join('\n');
    const defined = [...sources.matchAll(/name: '(runspine_\w+)'/g)].map(([, name]) => name!);
    const named = [...read('docs/operations.md').matchAll(/^\| `(runspine_\w+)`/gm)].map(([, name]) => name!);

    expect(new Set(named)).toEqual(new Set(defined));
  });
});

describe('docs/lifecycle.md', () => {
  const steps = [...read('docs/lifecycle.md').matchAll(/^\d+\. \[`([^`]+)`\]\([^)]+\)((?: · `[^`]+`)+)$/gm)];

  it('numbers its steps one after the other', () => {
    const numbers = [...read('docs/lifecycle.md').matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number));
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  });

  it('follows the request through files that exist', () => {
    expect(steps.length).toBeGreaterThan(15);
    expect(steps.map(([, path]) => path!).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it.each(
    steps.map(([, path, names]) => [path!, [...names!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)] as const),
  )('%s has what is named beside it', (path, names) => {
    const source = read(path);
    expect(names.filter((name) => !new RegExp(`(?<![\\w$])${escapeRegExp(name)}(?![\\w$])`).test(source))).toEqual([]);
  });
});

describe.each(documents)('%s', (path) => {
  const text = read(path).replace(/```[\s\S]*?```/g, '');

  it('links to files that exist', () => {
    const targets = [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)].map(([, target]) => target!);
    const missing = targets.filter((target) => !existsSync(join(root, dirname(path), target)));
    expect(missing).toEqual([]);
  });

  it('names files of ours that exist', () => {
    const named = [...text.matchAll(/`((?:apps|libs|deploy|docs|test)\/[\w./-]+)`/g)].map(([, name]) => name!);
    const sources = named.map((name) => name.replace(/\/dist\/(.+)\.js$/, '/src/$1.ts'));
    expect(sources.filter((name) => !existsSync(join(root, name)))).toEqual([]);
  });
});

describe('README.md', () => {
  it('gives every direct dependency its reason, and names none that is gone', () => {
    const manifests = ['package.json', ...['libs', 'apps'].flatMap(packagesIn)];
    const direct = manifests.flatMap((path) => {
      const manifest = JSON.parse(read(path)) as Record<string, object | undefined>;
      const kinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'];
      return kinds.flatMap((kind) => Object.keys(manifest[kind] ?? {}));
    });
    const section = /## Dependencies\n([\s\S]*?)\n## /.exec(read('README.md'))?.[1] ?? '';
    const named = cellsOf(section)
      .slice(1)
      .flatMap(([names = '']) => [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));

    expect(named.toSorted()).toEqual([...new Set(direct)].filter((name) => !name.startsWith('@runspine/')).toSorted());
  });
});

function packagesIn(folder: string): string[] {
  return readdirSync(join(root, folder))
    .map((name) => relative(root, join(root, folder, name, 'package.json')))
    .filter((path) => existsSync(join(root, path)) && statSync(join(root, path)).isFile());
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
