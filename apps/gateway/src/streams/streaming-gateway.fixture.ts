import { type RunningGateway, runGateway, untilReady } from '../running-gateway.fixture.js';
import { HandProjector, type HandRun } from './hand-projector.fixture.js';
import { StreamReader } from './stream-reader.fixture.js';

/** A gateway, a projector by hand, and the readers of a test. Real: gateway, Kafka, PostgreSQL. */
export class StreamingGateway {
  private readonly readers: StreamReader[] = [];
  private rooms = 0;

  private constructor(
    readonly gateway: RunningGateway,
    readonly projector: HandProjector,
  ) {}

  static async start(env: NodeJS.ProcessEnv, settings: Record<string, string>): Promise<StreamingGateway> {
    const gateway = await runGateway(env, settings);
    const projector = await HandProjector.of(gateway.owner, env.KAFKA_BROKERS ?? '127.0.0.1:9092');
    await untilReady(gateway);
    return new StreamingGateway(gateway, projector);
  }

  /** A stream of `/v1/<path>`, left at {@link leave}. */
  async open(path: string, headers: Record<string, string> = {}): Promise<StreamReader> {
    const reader = await StreamReader.open(`${this.gateway.address}/v1/${path}`, headers);
    this.readers.push(reader);
    return reader;
  }

  /** A run in a room of its own. */
  async roomWith(events: number): Promise<{ roomId: string; run: HandRun; path: string }> {
    const roomId = `room-${(this.rooms += 1)}`;
    const run = this.projector.run(roomId);
    if (events > 0) await this.projector.commit(run, 'run.created');
    for (let i = 1; i < events; i++) await this.projector.commit(run, 'run.annotated', { metadata: { i } });
    return { roomId, run, path: `streams/rooms/${roomId}` };
  }

  /** Every reader goes. */
  leave(): void {
    for (const reader of this.readers.splice(0)) reader.leave();
  }

  async remove(): Promise<void> {
    await this.projector.close();
    await this.gateway.remove();
  }
}

/** Sequences after `after` up to `last`. */
export function upTo(last: number, after = 0): number[] {
  return Array.from({ length: last - after }, (_, index) => after + index + 1);
}
