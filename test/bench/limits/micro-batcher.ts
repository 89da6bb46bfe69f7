import type { Message, Producer } from 'kafkajs';

/** One send at a time; what comes meanwhile leaves together with the next. */
export class MicroBatcher {
  private waiting: { message: Message; resolve: () => void; reject: (error: unknown) => void }[] = [];
  private sending = false;
  private readonly producer: Producer;
  private readonly topic: string;

  constructor(producer: Producer, topic: string) {
    this.producer = producer;
    this.topic = topic;
  }

  /** Resolves once all in-sync replicas have it. */
  send(message: Message): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.waiting.push({ message, resolve, reject });
      if (this.sending) return;
      this.sending = true;
      setImmediate(() => void this.flush());
    });
  }

  private async flush(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting;
      this.waiting = [];
      await this.producer
        .send({ topic: this.topic, acks: -1, messages: batch.map(({ message }) => message) })
        .then(() => batch.forEach(({ resolve }) => resolve()))
        .catch((error: unknown) => batch.forEach(({ reject }) => reject(error)));
    }
    this.sending = false;
  }
}
