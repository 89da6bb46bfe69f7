import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const VOCABULARY = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'cat', 'kitten', 'car', 'lorry', 'the'];
/** A row a word: animals point one way, vehicles another; what only fills a sentence next to nowhere. */
const ROWS = [0, 0, [0, 0.02, 0], 0, [1, 0.1, 0], [1, 0.2, 0], [0, 0.1, 1], [0, 0.2, 1], 0].map(
  (row) => row || [0, 0, 0],
);
const FLOAT = 1;
const INT64 = 7;

/** Writes a whole sentence model of nine words and three dimensions: each word's row is its vector. */
export async function writeTinyModel(folder: string): Promise<void> {
  await mkdir(join(folder, 'onnx'), { recursive: true });
  await writeFile(join(folder, 'onnx', 'model.onnx'), onnxModel());
  const write = (name: string, content: unknown) => writeFile(join(folder, name), JSON.stringify(content));
  await write('config.json', { model_type: 'bert', hidden_size: 3, vocab_size: VOCABULARY.length });
  await write('tokenizer_config.json', {
    tokenizer_class: 'BertTokenizer',
    model_max_length: 16,
    pad_token: '[PAD]',
    unk_token: '[UNK]',
    cls_token: '[CLS]',
    sep_token: '[SEP]',
  });
  const special = (name: string) => ({ SpecialToken: { id: name, type_id: 0 } });
  await write('tokenizer.json', {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: VOCABULARY.slice(0, 4).map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [special('[CLS]'), { Sequence: { id: 'A', type_id: 0 } }, special('[SEP]')],
      pair: [
        special('[CLS]'),
        { Sequence: { id: 'A', type_id: 0 } },
        special('[SEP]'),
        { Sequence: { id: 'B', type_id: 1 } },
      ],
      special_tokens: Object.fromEntries(
        ['[CLS]', '[SEP]'].map((id) => [id, { id, ids: [VOCABULARY.indexOf(id)], tokens: [id] }]),
      ),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(VOCABULARY.map((word, id) => [word, id])),
    },
  });
}

/** last_hidden_state = Gather(rows, input_ids), as an ONNX ModelProto written field by field. */
function onnxModel(): Buffer {
  const rows = Buffer.from(Float32Array.from(ROWS.flat()).buffer);
  const initializer = message([1, ROWS.length], [1, 3], [2, FLOAT], [8, 'rows'], [9, rows]);
  const axis = message([1, 'axis'], [3, 0], [20, 2]);
  const node = message([1, 'rows'], [1, 'input_ids'], [2, 'last_hidden_state'], [4, 'Gather'], [5, axis]);
  const tokens = ['batch', 'sequence'];
  const inputs = ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => value(name, INT64, tokens));
  const graph = message([1, node], [2, 'tiny'], [5, initializer], ...inputs.map((input): Field => [11, input]), [
    12,
    value('last_hidden_state', FLOAT, [...tokens, 3]),
  ]);
  return message([1, 8], [7, graph], [8, message([1, ''], [2, 13])]);
}

function value(name: string, type: number, dimensions: (string | number)[]): Buffer {
  const shape = message(
    ...dimensions.map((one): Field => [1, typeof one === 'number' ? message([1, one]) : message([2, one])]),
  );
  return message([1, name], [2, message([1, message([1, type], [2, shape])])]);
}

type Field = [number: number, value: number | string | Buffer];

/** A protobuf message: numbers as varints, all else by its length. */
function message(...fields: Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([number, content]) => {
      if (typeof content === 'number') return [varint(number << 3), varint(content)];
      const bytes = Buffer.from(content as string);
      return [varint((number << 3) | 2), varint(bytes.length), bytes];
    }),
  );
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 0x80; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}
