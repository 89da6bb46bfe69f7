/** Kafka's jars, fetched once for all data folders of this clone; relative to the root. */
export const KAFKA_LIBS: string;
export type Engine = { kind: 'java'; java: string } | { kind: 'docker'; compose: string[] };
/** What Kafka can run on here; throws an Advice that says what to install when there is nothing. */
export function findEngine(root: string): Promise<Engine>;
