import { ANSWER_HEADERS } from '@runspine/contracts';
import { type RunningGateway, runGateway, untilReady } from '../running-gateway.fixture.js';
import { NexusStandIn } from './nexus-stand-in.fixture.js';

/** What the stand-in answers unless told otherwise. */
export const ANSWER = {
  hits: [{ id: 'a#0', document_id: 'a', score: 0.5, source_scope: 'tenant', text: 'x', type: null, source_uri: null }],
  score_kind: 'bm25',
  next_cursor: null,
  snapshot: 'snap-1',
};

/**
 * A gateway to ask. Real: Kafka, PostgreSQL, the gateway. Not real: nexus, which a small HTTP server stands in for;
 * nobody projects.
 */
export class AskedGateway {
  private constructor(
    readonly nexus: NexusStandIn,
    readonly gateway: RunningGateway,
  ) {}

  static async start(env: NodeJS.ProcessEnv): Promise<AskedGateway> {
    const nexus = new NexusStandIn();
    const gateway = await runGateway(env, {
      RUNSPINE_NEXUS_URL: `${await nexus.start()}/base/`,
      RUNSPINE_NEXUS_ANSWER_MS: '700',
      RUNSPINE_NEXUS_CONNECTIONS: '8',
      RUNSPINE_NEXUS_REQUESTS_MAX: '30',
      RUNSPINE_AFTER_TASK_MS: '800',
    });
    await untilReady(gateway);
    return new AskedGateway(nexus, gateway);
  }

  async stop(): Promise<void> {
    await this.gateway.remove();
    await this.nexus.stop();
  }

  /** Nexus was asked nothing, and answers. */
  reset(): void {
    const { nexus } = this;
    nexus.received.length = 0;
    nexus.abandoned = 0;
    nexus.answer = (_request, response) =>
      nexus.json(response, 200, ANSWER, { [ANSWER_HEADERS.hits]: '1', [ANSWER_HEADERS.tookMs]: '1.5' });
  }

  ask(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.gateway.address}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  query(body: unknown, headers?: Record<string, string>): Promise<Response> {
    return this.ask('/nexus/spaces/handbook/query', body, headers);
  }
}

export const codeOf = async (answer: Response) =>
  ((await answer.json()) as { error: { code: string; request_id: string; details: Record<string, unknown> } }).error;

export async function until(holds: () => boolean | Promise<boolean>, withinMs = 5000): Promise<void> {
  const endMs = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error('It did not come about in time.');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
