import type { ServerResponse } from 'node:http';
import { createClient, type RunspineClient } from './client.js';
import { GatewayFixture, type SeenRequest } from './gateway.fixture.js';

/** The id of a run that nobody made. */
export const RUN = `run_${'0'.repeat(32)}`;

type Answer = (response: ServerResponse, request: SeenRequest) => unknown;

/** A client, and a gateway's stand-in that answers as a test says. */
export class ClientFixture {
  readonly client: RunspineClient;

  private constructor(readonly gateway: GatewayFixture) {
    this.client = createClient({
      address: `${gateway.address}/`,
      tenant: 'acme',
      token: 't0ken',
      roles: ['reader'],
      timeoutMs: 2000,
      retries: { baseMs: 5, capMs: 2000 },
    });
  }

  static async start(): Promise<ClientFixture> {
    return new ClientFixture(await GatewayFixture.start());
  }

  /** Answers requests one after the other; the last answer stays. */
  answer(...answers: Answer[]): void {
    let index = 0;
    this.gateway.handler = (request, response) => {
      answers[Math.min(index++, answers.length - 1)]!(response, request);
      return true;
    };
  }
}
