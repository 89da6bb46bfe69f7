import { registerHooks } from 'node:module';
import { writeTinyModel } from './tiny-model.fixture.js';
import { TransformersEmbedder } from './transformers.embedder.js';

// A process of its own, since the runtime of models knows only the typed arrays of Node itself, not those of Jest.
const [path = '', wanted = ''] = process.argv.slice(2);
if (wanted !== 'as it is') await writeTinyModel(path);
if (wanted === 'without the package') {
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === '@huggingface/transformers') throw new Error('Cannot find package');
      return next(specifier, context);
    },
  });
}
const embedder = new TransformersEmbedder({ path, name: 'tiny', queryPrefix: 'the ' });
const { signal } = new AbortController();
try {
  const documents = await embedder.embed(['cat', 'the kitten', 'car', 'CAT lorry', ''], 'document', signal);
  const [question] = await embedder.embed(['cat'], 'query', signal);
  const many = await embedder.embed(
    Array.from({ length: 40 }, () => 'car'),
    'document',
    signal,
  );
  const { model, dimension } = embedder;
  const answer = {
    model,
    dimension,
    documents: documents.map((one) => [...one]),
    question: [...question!],
    many: many.length,
  };
  process.stdout.write(JSON.stringify(answer));
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  process.stdout.write(JSON.stringify({ code, message, cause: String((error as Error).cause) }));
}
