import { tokenize } from '@lancedb/lancedb';
import { TOKENIZER } from './space-schema.js';

/** The tokens of a text by LanceDB alone. */
export async function lancedbTokens(text: string): Promise<string[]> {
  return (await tokenize(text, TOKENIZER)).map((token) => token.text);
}
