import { choiceSetting, integerSetting, stringSetting } from '@runspine/service';
import { VECTOR_DIMENSION_MAX } from '@runspine/contracts';

/** Settings of the embedder: one a process. A space remembers which model made its vectors. */
export const embedderSettings = {
  embedder: choiceSetting({
    name: 'RUNSPINE_EMBEDDER',
    doc: 'What makes vectors of texts: hash (no model), openai (any OpenAI-compatible server) or transformers (a local ONNX model).',
    choices: ['hash', 'openai', 'transformers'],
    default: 'hash',
  }),
  embedderUrl: stringSetting({
    name: 'RUNSPINE_EMBEDDER_URL',
    doc: 'Of openai: the whole address that embeddings are asked of, such as https://api.openai.com/v1/embeddings.',
    default: 'https://api.openai.com/v1/embeddings',
    pattern: /^https?:\/\/\S+$/,
    wants: 'an http(s) address',
  }),
  embedderModel: stringSetting({
    name: 'RUNSPINE_EMBEDDER_MODEL',
    doc: "Of openai: the server's name of the model. Of transformers: the name that spaces record; the folder's by default.",
    optional: true,
    pattern: /^[\x21-\x7e]{1,100}$/,
    wants: '1-100 printable characters without spaces',
  }),
  embedderPath: stringSetting({
    name: 'RUNSPINE_EMBEDDER_PATH',
    doc: 'Of transformers: the folder of the model, with config.json, tokenizer.json and onnx/model.onnx.',
    optional: true,
  }),
  embedderApiKey: stringSetting({
    name: 'RUNSPINE_EMBEDDER_API_KEY',
    doc: 'Of openai: sent as a bearer token.',
    optional: true,
  }),
  embedderDimension: integerSetting({
    name: 'RUNSPINE_EMBEDDER_DIMENSION',
    doc: 'Numbers of a vector, of hash and openai. 0: of hash 384, of openai what its model has.',
    default: 0,
    min: 0,
    max: VECTOR_DIMENSION_MAX,
  }),
  embedderQueryPrefix: stringSetting({
    name: 'RUNSPINE_EMBEDDER_QUERY_PREFIX',
    doc: 'Put before questions, for models that want one ("query: ").',
    default: '',
  }),
  embedderDocumentPrefix: stringSetting({
    name: 'RUNSPINE_EMBEDDER_DOCUMENT_PREFIX',
    doc: 'Put before what is stored, for models that want one ("passage: ").',
    default: '',
  }),
  embedderTimeoutMs: integerSetting({
    name: 'RUNSPINE_EMBEDDER_TIMEOUT_MS',
    doc: 'How long one request to the embedder may take.',
    unit: 'ms',
    default: 30_000,
    min: 100,
    max: 300_000,
  }),
  embedderTries: integerSetting({
    name: 'RUNSPINE_EMBEDDER_TRIES',
    doc: 'Tries of a request to the embedder, the first included.',
    default: 4,
    min: 1,
    max: 10,
  }),
  embedderBatch: integerSetting({
    name: 'RUNSPINE_EMBEDDER_BATCH',
    doc: 'Texts in a request to the embedder.',
    default: 64,
    min: 1,
    max: 2048,
  }),
  embedderConcurrency: integerSetting({
    name: 'RUNSPINE_EMBEDDER_CONCURRENCY',
    doc: 'Requests to the embedder at once.',
    default: 4,
    min: 1,
    max: 64,
  }),
  embedderCacheBytes: integerSetting({
    name: 'RUNSPINE_EMBEDDER_CACHE_BYTES',
    doc: 'Vectors of openai that are kept by the hash of their text.',
    unit: 'bytes',
    default: 64 * 1024 * 1024,
    min: 0,
    max: 4 * 1024 * 1024 * 1024,
  }),
} as const;
