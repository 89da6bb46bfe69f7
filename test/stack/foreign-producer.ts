import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { CompressionTypes, Kafka, logLevel, Partitioners, type Producer } from 'kafkajs';

/*
 * A producer of another team: a plain Kafka client, written with docs/events.md open and nothing of ours at hand. Its
 * partitioner is its library's own; it knows neither how many partitions there are nor who else writes.
 */

/** What another team says of an event. */
export interface ForeignEvent {
  type: string;
  data: Record<string, unknown> & { run_id: string };
  /** A new UUID unless given. */
  id?: string;
  time?: string;
  /** More attributes, such as `correlationid`. */
  attributes?: Record<string, string>;
  /** Version of the data's schema. */
  version?: number;
}

/** A record as it is sent, for those who want to spoil it. */
export interface ForeignRecord {
  key: string | null;
  value: string | Buffer | null;
  headers: Record<string, string>;
  partition?: number;
}

export class ForeignProducer {
  private readonly producer: Producer;

  constructor(
    brokers: string[],
    private readonly topic: string,
    readonly tenant = 'default',
    readonly env = 'default',
  ) {
    const kafka = new Kafka({ brokers, clientId: 'another-team', logLevel: logLevel.ERROR });
    this.producer = kafka.producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: false,
    });
  }

  connect(): Promise<void> {
    return this.producer.connect();
  }

  close(): Promise<void> {
    return this.producer.disconnect();
  }

  /** A run id of a room (or of none): `run_`, milliseconds, the room's affinity, chance. */
  runId(room?: string): string {
    const affinity =
      room === undefined
        ? randomBytes(4).toString('hex')
        : createHash('sha256').update(`${this.tenant}/${this.env}/${room}`).digest('hex').slice(0, 8);
    return `run_${hexMs()}${affinity}${randomBytes(6).toString('hex')}`;
  }

  stepId(): string {
    return `step_${hexMs()}${randomBytes(10).toString('hex')}`;
  }

  /** An event as a record: CloudEvents in Kafka's binary mode. */
  record({ type, data, id, time, attributes, version = 1 }: ForeignEvent): ForeignRecord {
    return {
      key: `${this.tenant}/${data.run_id.slice(16, 24)}`,
      value: JSON.stringify(data),
      headers: {
        'content-type': 'application/json',
        ce_specversion: '1.0',
        ce_id: id ?? randomUUID(),
        ce_source: '/another-team',
        ce_type: type,
        ce_time: time ?? new Date().toISOString(),
        ce_subject: data.run_id,
        ce_dataschema: `runspine://schemas/${type}/v${version}`,
        ce_tenantid: this.tenant,
        ce_env: this.env,
        ...Object.fromEntries(Object.entries(attributes ?? {}).map(([name, value]) => [`ce_${name}`, value])),
      },
    };
  }

  /** Sends events in their order, in as few requests as they fit. */
  async send(...events: ForeignEvent[]): Promise<void> {
    await this.sendRecords(events.map((event) => this.record(event)));
  }

  async sendRecords(records: readonly ForeignRecord[], compression = CompressionTypes.None): Promise<void> {
    const atOnce = 2000;
    for (let from = 0; from < records.length; from += atOnce) {
      await this.producer.send({
        topic: this.topic,
        acks: -1,
        compression,
        messages: records.slice(from, from + atOnce),
      });
    }
  }
}

function hexMs(): string {
  return Date.now().toString(16).padStart(12, '0');
}
