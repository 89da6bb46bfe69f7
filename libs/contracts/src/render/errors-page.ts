import type { ErrorEntry } from '../error-entry.js';
import { ERRORS } from '../errors.js';
import { block, code, page, table } from './markdown.js';

const EXAMPLE_BODY = {
  error: {
    code: 'run.invalid_transition',
    message: 'The run is in a state that refuses this event; details.current names it.',
    retryable: false,
    details: { current: 'completed' },
    request_id: '019c13ec-9e00-7abc-8def-0123456789ab',
  },
};

/** docs/errors.md: the registry as a table, and the body that carries its codes. */
export function errorsPage(): string {
  const rows = Object.entries(ERRORS as Record<string, ErrorEntry>).map(([name, entry]) => [
    code(name),
    String(entry.status),
    entry.retryable ? 'yes' : 'no',
    entry.meaning,
  ]);
  return page(
    '# Errors',
    'Rendered from the registry in `libs/contracts/src/errors.ts` by `npm run docs`; a test holds the two together.',
    'Every refused request is answered with this body, and with the status of its code:',
    block('json', JSON.stringify(EXAMPLE_BODY, null, 2)),
    table(
      ['field', 'meaning'],
      [
        ['`code`', 'One of the table below. Programs decide by it; codes are never renamed.'],
        ['`message`', 'For people. It may change at any time.'],
        [
          '`retryable`',
          'Whether the same request may succeed later. Wait first; `Retry-After` says how long, where it is given.',
        ],
        ['`details`', 'An object. What the meaning of the code names, such as `current` or `faults`; may be empty.'],
        ['`request_id`', 'The request, as the log knows it.'],
      ],
    ),
    '`details.faults`, where a request has them, is a list of `{"path", "message"}`: the path is a JSON pointer into the body, or the name of a parameter or header.',
    'The same codes stand in dead letters (header `dl_code`, the path of the fault in `dl_detail`) and in rejections (`reason`). There the status has no meaning.',
    table(['code', 'status', 'retryable', 'meaning'], rows),
  );
}
