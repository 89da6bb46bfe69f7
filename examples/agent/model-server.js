import { createServer } from 'node:http';

/**
 * A model server of OpenAI's form, small enough to come with the example: it answers with the first sentence of what it
 * is given as a source. Any other server of this form takes its place: MODEL_ADDRESS and MODEL_KEY name it.
 */
export async function startModelServer() {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { model, messages } = JSON.parse(body);
    const prompt = messages.map((message) => message.content).join('\n');
    const sources = [...prompt.matchAll(/^source: ([^.]+\.)/gm)].map(([, sentence]) => sentence);
    const content = sources.join(' ') || 'I do not know.';
    const [read, written] = [prompt, content].map((text) => text.split(/\s+/).length);
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        id: 'chatcmpl-1',
        object: 'chat.completion',
        created: Math.floor(Date.now() / 1000),
        model,
        choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
        usage: { prompt_tokens: read, completion_tokens: written, total_tokens: read + written },
      }),
    );
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { address: `http://127.0.0.1:${port}/v1`, close: () => server.close() };
}
