import { integerSetting, type SettingsOf, stringSetting } from '@runspine/service';
import type { RerankerOf } from '../reranking.js';
import { HttpReranker } from './http.reranker.js';
import { LexicalReranker } from './lexical.reranker.js';

/** Settings of reranking. Without a server the lexical one answers. */
export const rerankerSettings = {
  rerankerUrl: stringSetting({
    name: 'RUNSPINE_RERANKER_URL',
    doc: "Whole address of a reranker in Cohere's and Jina's request shape; without one `lexical` reranks.",
    optional: true,
    pattern: /^https?:\/\/\S+$/,
    wants: 'an http(s) address',
  }),
  rerankerModel: stringSetting({
    name: 'RUNSPINE_RERANKER_MODEL',
    doc: "The reranker's name of its model; queries may ask for it by that name.",
    default: 'reranker',
    pattern: /^[\x21-\x7e]{1,100}$/,
    wants: '1-100 printable characters without spaces',
  }),
  rerankerApiKey: stringSetting({
    name: 'RUNSPINE_RERANKER_API_KEY',
    doc: 'Sent to the reranker as a bearer token.',
    optional: true,
  }),
  rerankerTimeoutMs: integerSetting({
    name: 'RUNSPINE_RERANKER_TIMEOUT_MS',
    doc: 'How long one request to the reranker may take; there are two tries.',
    unit: 'ms',
    default: 5000,
    min: 50,
    max: 60_000,
  }),
} as const;

/** `lexical` is always there; where a server is set, it answers whoever names no model, or its own. */
export function rerankersOf(settings: SettingsOf<typeof rerankerSettings>): RerankerOf {
  const lexical = new LexicalReranker();
  const { rerankerUrl: url, rerankerModel: model, rerankerApiKey: apiKey, rerankerTimeoutMs: timeoutMs } = settings;
  const remote = url === undefined ? undefined : new HttpReranker({ url, model, apiKey, timeoutMs, triesMax: 2 });
  return (wanted) => {
    if (wanted === undefined) return remote ?? lexical;
    return [remote, lexical].find((one) => one?.model === wanted);
  };
}
