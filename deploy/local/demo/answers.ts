import { paint, say } from '../terminal.mjs';
import { type Answered, type Hit, SPACE } from './knowledge.ts';

const WIDTH_DEFAULT = 120;
const WIDTH_MIN = 60;
const WIDTH_MAX = 140;
const INDENT = 6;
/** Shorter words are in every sentence. */
const WORD_CHARS_MIN = 4;

/** Questions with what was found in the documents: where it stands, how it scored, and the sentence that says it. */
export function showAnswers(answers: readonly Answered[]): void {
  const [first] = answers;
  if (!first) return;
  say(`\n${paint('bold', 'Questions, answered from these documents')}`);
  const chunks = first.searched.rows.tenant ?? 0;
  say(
    paint(
      'grey',
      `  space ${SPACE}: ${chunks} chunks, searched by ${first.searched.mode}; scores are ${first.score_kind}`,
    ),
  );
  for (const { question, hits, searched } of answers) {
    say(`\n  ${paint('blue', question)}  ${paint('grey', `${searched.took_ms.toFixed(1)} ms`)}`);
    if (hits.length === 0) say(paint('yellow', '    nothing found'));
    hits.forEach((hit, index) => showHit(question, hit, index + 1));
  }
}

/** The line that asks a question of one's own. */
export function askLine(gateway: string): string {
  const body = '{"query":"What is a dead letter?","top_k":3}';
  return `curl -s ${gateway}/nexus/spaces/${SPACE}/query -H 'Content-Type: application/json' -d '${body}'`;
}

function showHit(
  question: string,
  { document_id: document, metadata, score, source_scope: scope, text }: Hit,
  rank: number,
): void {
  const headings = (metadata?.heading_path ?? []).join(' › ');
  const place = `${document}${headings === '' ? '' : paint('grey', ` › ${headings}`)}`;
  say(`    ${rank}. ${place}  ${paint('green', score.toFixed(2))} ${paint('grey', scope)}`);
  const width = Math.min(Math.max(process.stdout.columns || WIDTH_DEFAULT, WIDTH_MIN), WIDTH_MAX) - INDENT - 1;
  say(`${' '.repeat(INDENT + 1)}${cut(passageOf(question, text), width)}`);
}

/** The sentence of a text that has most of the question's words; the earliest of several. */
export function passageOf(question: string, text: string): string {
  const wanted = wordsOf(question);
  let best = '';
  let bestCount = -1;
  for (const sentence of sentencesOf(text)) {
    const has = wordsOf(sentence);
    const count = [...wanted].filter((word) => has.has(word)).length;
    if (count > bestCount) [best, bestCount] = [sentence, count];
  }
  return best;
}

/** Sentences of the paragraphs of a Markdown text, each on one line; headings are none. */
function sentencesOf(text: string): string[] {
  return text
    .split(/\n\s*\n|\n(?=\s*(?:[-*|]|\d+\.)\s)|^#.*$/m)
    .flatMap((paragraph) => paragraph.replace(/\s+/g, ' ').split(/(?<=[.:;!?])\s+(?=[A-Z`"*[])/))
    .map((sentence) => sentence.replace(/^(?:[-*|]|\d+\.)\s+/, '').trim())
    .filter((sentence) => /\p{L}/u.test(sentence) && !sentence.startsWith('#'));
}

/** Words by what they begin with, so that `decide` is found in `decided`. */
function wordsOf(text: string): Set<string> {
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? [];
  return new Set(words.filter((word) => word.length >= WORD_CHARS_MIN).map((word) => word.slice(0, 6)));
}

const cut = (text: string, width: number): string => (text.length > width ? `${text.slice(0, width - 1)}…` : text);
