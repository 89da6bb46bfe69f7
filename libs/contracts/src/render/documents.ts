import { stringify } from 'yaml';
import { asyncApiDocument } from './asyncapi.js';
import { errorsPage } from './errors-page.js';
import { eventsPage } from './events-page.js';
import { glossaryPage } from './glossary-page.js';

/** The documents that are rendered from the contracts: paths from the repository's root to texts. */
export function renderDocuments(version: string): Record<string, string> {
  return {
    'docs/asyncapi.yaml': stringify(asyncApiDocument(version), { lineWidth: 0, aliasDuplicateObjects: false }),
    'docs/errors.md': errorsPage(),
    'docs/events.md': eventsPage(),
    'docs/glossary.md': glossaryPage(),
  };
}
