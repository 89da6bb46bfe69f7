import { createInterface } from 'node:readline/promises';
import { EXIT, Failure } from '../failures.js';
import type { Session } from '../session.js';

/**
 * Asks before something that cannot be taken back, or that runs what others wrote. `yes` answers for the person.
 * @throws Failure where the answer is no, or nobody is there to give one.
 */
export async function confirm({ io }: Session, question: string, yes: boolean | undefined): Promise<void> {
  if (yes) return;
  if (io.stdin.isTTY !== true) {
    throw new Failure('cli.unconfirmed', `Nobody is there to be asked: ${question}`, EXIT.usage, ['--yes answers it.']);
  }
  const prompt = createInterface({ input: io.stdin, output: io.stderr as NodeJS.WritableStream });
  try {
    const answer = await prompt.question(`${question} [y/N] `, { signal: io.signal });
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    prompt.close();
  }
  throw new Failure('cli.declined', 'Nothing was done.', EXIT.failed);
}
